/** A video that wants to know where it is shown: its size decides what is sent. */
export interface Picture {
  /** Stays the same as long as the picture does. */
  readonly id: string
  /** Shows it in an element until the returned function is called. */
  attach(element: HTMLVideoElement): () => void
}

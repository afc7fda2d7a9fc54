/** What one side can send. */
export const SLOTS = ['microphone', 'camera', 'screen', 'screen_sound'] as const
export type Slot = (typeof SLOTS)[number]

import type PhotoSwipe from 'photoswipe'
import { apiUrl, type ImageBody, type Message } from '@/api'

const DOWNLOAD = `
  <svg
    viewBox="0 0 24 24" width="24" height="24" aria-hidden="true"
    fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"
  ><path d="M12 4v11m0 0-4-4m4 4 4-4M5 20h14"/></svg>`

/** A double click enlarges this much, the wheel and two fingers up to that; small pictures too. */
const CLOSER = 2.5
const CLOSEST = 6

interface ViewerWords {
  close: string
  download: string
  zoom: string
  previous: string
  next: string
}

type Image = Message & { body: ImageBody }

/** Shows the pictures of a conversation large, beginning with one of them. */
export async function viewImages(messages: readonly Message[], seq: number, words: ViewerWords): Promise<void> {
  const [{ default: Viewer }] = await Promise.all([
    import('photoswipe'),
    import('photoswipe/style.css'),
    import('./viewer.css'),
  ])
  const images = messages.filter((m): m is Image => m.body.type === 'image')
  const viewer = new Viewer({
    dataSource: images.map(({ body }) => ({
      src: apiUrl('/files/{id}', { id: body.file_id }),
      msrc: apiUrl('/files/{id}/thumbnail', { id: body.file_id }),
      width: body.width,
      height: body.height,
      alt: body.name,
    })),
    index: images.findIndex(m => m.seq === seq),
    bgOpacity: 0.92,
    wheelToZoom: true,
    secondaryZoomLevel: ({ fit }) => Math.max(1, fit * CLOSER),
    maxZoomLevel: ({ fit }) => Math.max(1, fit * CLOSEST),
    // The first click of two would enlarge what the second one makes small again.
    imageClickAction: 'toggle-controls',
    closeTitle: words.close,
    zoomTitle: words.zoom,
    arrowPrevTitle: words.previous,
    arrowNextTitle: words.next,
    showHideAnimationType: 'fade',
    loop: false,
  })
  viewer.on('uiRegister', () => {
    addDownload(viewer, images, words.download)
    addCaption(viewer, images)
  })
  viewer.on('bindEvents', () => viewer.element?.addEventListener('dblclick', event => enlarge(viewer, event)))
  viewer.init()
}

function enlarge(viewer: PhotoSwipe, { clientX: x, clientY: y, target }: MouseEvent): void {
  if ((target as HTMLElement).closest('.pswp__img')) viewer.currSlide?.toggleZoom({ x, y })
}

function addDownload(viewer: PhotoSwipe, images: Image[], title: string): void {
  viewer.ui?.registerElement({
    name: 'download',
    className: 'download',
    order: 8,
    isButton: true,
    tagName: 'a',
    html: DOWNLOAD,
    onInit: element => {
      const link = element as HTMLAnchorElement
      link.title = title
      viewer.on('change', () => {
        const { body } = images[viewer.currIndex]!
        link.href = apiUrl('/files/{id}', { id: body.file_id })
        link.download = body.name
      })
    },
  })
}

function addCaption(viewer: PhotoSwipe, images: Image[]): void {
  viewer.ui?.registerElement({
    name: 'caption',
    className: 'pswp__caption',
    appendTo: 'root',
    onInit: element => {
      element.dir = 'auto'
      element.dataset.test = 'viewer-caption'
      viewer.on('change', () => (element.textContent = images[viewer.currIndex]!.body.caption ?? ''))
    },
  })
}

import type PhotoSwipe from 'photoswipe'
import { apiUrl, type ImageBody, type Message } from '@/api'

const DOWNLOAD = '<svg viewBox="0 0 24 24" width="24" height="24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d="M12 4v11m0 0-4-4m4 4 4-4M5 20h14"/></svg>'

export interface ViewerWords { close: string, download: string, zoom: string, previous: string, next: string }

/** Shows the pictures of a conversation large, beginning with one of them. */
export async function viewImages(messages: readonly Message[], seq: number, words: ViewerWords): Promise<void> {
  const [{ default: Viewer }] = await Promise.all([import('photoswipe'), import('photoswipe/style.css')])
  const images = messages.filter((m): m is Message & { body: ImageBody } => m.body.type === 'image')
  const viewer = new Viewer({
    dataSource: images.map(({ body }) => ({ src: apiUrl(`/files/${body.file_id}`), msrc: apiUrl(`/files/${body.file_id}/thumbnail`), width: body.width, height: body.height, alt: body.name })),
    index: images.findIndex(m => m.seq === seq),
    bgOpacity: 0.92,
    closeTitle: words.close,
    zoomTitle: words.zoom,
    arrowPrevTitle: words.previous,
    arrowNextTitle: words.next,
    showHideAnimationType: 'fade',
    loop: false,
  })
  viewer.on('uiRegister', () => addDownload(viewer, images, words.download))
  viewer.init()
}

function addDownload(viewer: PhotoSwipe, images: (Message & { body: ImageBody })[], title: string): void {
  viewer.ui?.registerElement({
    name: 'download',
    order: 8,
    isButton: true,
    tagName: 'a',
    html: DOWNLOAD,
    onInit: element => {
      const link = element as HTMLAnchorElement
      link.title = title
      link.style.cssText = 'display: grid; place-items: center; color: var(--on-pill)'
      viewer.on('change', () => {
        const { body } = images[viewer.currIndex]!
        link.href = apiUrl(`/files/${body.file_id}`)
        link.download = body.name
      })
    },
  })
}

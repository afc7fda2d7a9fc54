/** Pictures and files for tests, made in the page so that they are what a browser would send. */
export async function picture(page, { width, height, type = 'image/png' }) {
  const base64 = await page.evaluate(async ({ width, height, type }) => {
    const canvas = Object.assign(document.createElement('canvas'), { width, height })
    const context = canvas.getContext('2d')
    const sky = context.createLinearGradient(0, 0, 0, height)
    for (const [at, colour] of [[0, '#20406f'], [0.45, '#c86f5f'], [0.62, '#f6c27a'], [1, '#f2e3c2']]) sky.addColorStop(at, colour)
    context.fillStyle = sky
    context.fillRect(0, 0, width, height)
    context.fillStyle = '#fff3d6'
    context.beginPath()
    context.arc(width * 0.68, height * 0.56, height * 0.09, 0, 2 * Math.PI)
    context.fill()
    for (const [n, colour] of ['#8a5a6e', '#553c5e', '#2f2a45'].entries()) {
      context.fillStyle = colour
      context.beginPath()
      context.moveTo(0, height)
      for (let x = 0; x <= width; x += width / 160) {
        const along = (x / width) * (4 + n * 2.3) + n * 1.7
        const ridge = Math.sin(along) * 0.5 + Math.sin(along * 2.7 + 1) * 0.28 + Math.sin(along * 7.1) * 0.07
        context.lineTo(x, height * (0.62 + n * 0.11 - ridge * 0.13))
      }
      context.lineTo(width, height)
      context.fill()
    }
    const blob = await new Promise(resolve => canvas.toBlob(resolve, type, 0.9))
    const bytes = new Uint8Array(await blob.arrayBuffer())
    return btoa(bytes.reduce((text, byte) => text + String.fromCharCode(byte), ''))
  }, { width, height, type })
  return Buffer.from(base64, 'base64')
}

/** Bytes that no two places share, so that a part that is missing or doubled shows. */
export function noise(size, seed = 1) {
  const words = new Uint32Array(Math.ceil(size / 4))
  let state = seed
  for (let n = 0; n < words.length; n++) {
    // xorshift32 (Marsaglia 2003)
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    words[n] = state
  }
  return Buffer.from(words.buffer, 0, size)
}

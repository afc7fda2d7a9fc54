/**
 * Cameras and screens for pictures of calls: drawn people instead of the green clock of a browser without a camera,
 * and slides instead of a screen that nobody may pick. Functions go into pages as text and know nothing of this file.
 */
const LOOKS = {
  mia: { wall: ['#d9c7b8', '#a88f80'], hair: '#4a2c20', skin: '#f0c6a4', shirt: '#3b6ef6', long: true },
  noah: { wall: ['#b9cad3', '#71909f'], hair: '#1f1a1a', skin: '#8d5a3c', shirt: '#e8e2d6', long: false },
  lin: { wall: ['#cfd8bd', '#8a9c74'], hair: '#15131a', skin: '#ecc19c', shirt: '#b5434f', long: true },
  emma: { wall: ['#d8cfe4', '#9184ad'], hair: '#b5622e', skin: '#f6d3bd', shirt: '#2f6f62', long: true },
}

/** Gives somebody a face of their own, and slides to share. */
export async function dress(person) {
  await person.context.addInitScript(wear, LOOKS[person.name] ?? LOOKS.mia)
  await person.page.evaluate(wear, LOOKS[person.name] ?? LOOKS.mia)
}

function wear(look) {
  if (!navigator.mediaDevices) return
  const [width, height] = [1280, 720]
  const film = (paint, rate) => {
    const canvas = Object.assign(document.createElement('canvas'), { width, height })
    const context = canvas.getContext('2d')
    const draw = () => paint(context, performance.now() / 1000)
    draw()
    setInterval(draw, 1000 / rate)
    return canvas.captureStream(rate).getVideoTracks()[0]
  }

  function portrait(context, seconds) {
    const sway = Math.sin(seconds * 1.3) * 6
    const wall = context.createLinearGradient(0, 0, width, height)
    look.wall.forEach((colour, at) => wall.addColorStop(at, colour))
    context.fillStyle = wall
    context.fillRect(0, 0, width, height)
    context.fillStyle = 'rgb(255 255 255 / 0.28)'
    context.fillRect(90, 70, 240, 300)
    context.fillRect(970, 130, 210, 150)
    const round = (colour, x, y, rx, ry) => {
      context.fillStyle = colour
      context.beginPath()
      context.ellipse(x + sway, y, rx, ry, 0, 0, 2 * Math.PI)
      context.fill()
    }
    if (look.long) round(look.hair, 640, 360, 172, 250)
    round(look.shirt, 640, 800, 330, 270)
    context.fillStyle = look.skin
    context.fillRect(590 + sway, 470, 100, 110)
    round(look.skin, 640, 570, 66, 40)
    round(look.skin, 640, 340, 128, 165)
    context.fillStyle = look.hair
    context.beginPath()
    context.ellipse(640 + sway, 262, 146, 118, 0, Math.PI * 0.94, Math.PI * 2.06)
    context.quadraticCurveTo(690 + sway, 250, 600 + sway, 236)
    context.fill()
    const blink = seconds % 4 < 0.15 ? 2 : 11
    for (const x of [592, 688]) round('#2a211d', x, 345, 10, blink)
    context.strokeStyle = '#8c4a3c'
    context.lineWidth = 7
    context.lineCap = 'round'
    context.beginPath()
    context.arc(640 + sway, 400, 38, Math.PI * 0.2, Math.PI * 0.8)
    context.stroke()
  }

  function slide(context, seconds) {
    context.fillStyle = '#ffffff'
    context.fillRect(0, 0, width, height)
    context.fillStyle = '#14213d'
    context.font = '600 52px sans-serif'
    context.fillText('Saturday hike: the way up', 80, 120)
    context.font = '30px sans-serif'
    const lines = ['07:40   Train from the central station', '09:10   Start at the lake, 640 m', '11:00   Rest at the spring, 1,120 m', '12:30   The hut on the ridge, 1,480 m']
    lines.forEach((line, n) => context.fillText(line, 80, 200 + n * 52))
    context.beginPath()
    context.moveTo(80, 660)
    for (let x = 80; x <= 1200; x += 8) context.lineTo(x, 640 - 190 * ((x - 80) / 1120) ** 1.4 - 16 * Math.sin(x / 70))
    context.lineTo(1200, 660)
    context.fillStyle = '#dbe5ff'
    context.fill()
    context.fillStyle = '#3b6ef6'
    context.fillRect(80, 690, 1120 * ((seconds % 20) / 20), 6)
  }

  const devices = navigator.mediaDevices
  const open = devices.getUserMedia.bind(devices)
  devices.getUserMedia = async wanted => {
    const stream = await open(wanted)
    for (const track of stream.getVideoTracks()) {
      stream.removeTrack(track)
      track.stop()
      stream.addTrack(film(portrait, 15))
    }
    return stream
  }
  devices.getDisplayMedia = async () => new MediaStream([film(slide, 5)])
}

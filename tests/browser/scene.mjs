import { picture } from './media.mjs'

/**
 * A small world that looks lived in, for pictures and for checks of every page: its people, their words, a
 * picture, a file. Somebody of it looks from any number of devices.
 */
const WORDS = {
  en: {
    people: { mia: 'Mia', noah: 'Noah Becker', lin: '林晓雨', emma: 'Emma Rossi', theo: 'Theo' },
    group: 'Saturday hike',
    groupTalk: [['emma', 'I booked the hut for eight people'], ['lin', '天气很好，一定要来！'], ['emma', 'Bring a warm jacket, it gets cold up there']],
    others: { lin: ['The slides are in the folder', '好的，明天见 👍'], theo: ['Did the package arrive?'] },
    talk: [
      ['noah', 'Morning! Did you see the sunrise from the ridge?'],
      ['mia', 'Only in your pictures, and I am jealous 😄'],
      ['noah', { picture: 'sunrise.jpg', caption: 'Six o’clock, nobody else up there' }],
      ['mia', 'Wow. Next weekend I am coming with you.'],
      ['mia', 'How long is the way up?'],
      ['noah', 'About three hours. The map and the train times are here: https://example.org/ridge'],
      ['noah', { file: 'ridge-route.pdf' }],
      ['mia', 'Perfect, I’ll bring breakfast 🥐'],
    ],
    draft: 'And coffee, of course',
  },
  zh: {
    people: { mia: '米娅', noah: '周一诺', lin: '林晓雨', emma: '艾玛', theo: '阿泰' },
    group: '周六徒步',
    groupTalk: [['emma', '我订好了山上的小屋，够八个人住'], ['lin', '天气很好，一定要来！'], ['emma', '记得带件厚外套，上面晚上很冷']],
    others: { lin: ['幻灯片放在共享文件夹里了', '好的，明天见 👍'], theo: ['快递收到了吗？'] },
    talk: [
      ['noah', '早！看到山脊上的日出了吗？'],
      ['mia', '只看到你的照片，好羡慕 😄'],
      ['noah', { picture: '日出.jpg', caption: '清晨六点，山上一个人也没有' }],
      ['mia', '太美了。下周末我和你一起去。'],
      ['mia', '上去要走多久？'],
      ['noah', '大概三个小时。地图和车次都在这里：https://example.org/ridge'],
      ['noah', { file: '山脊路线.pdf' }],
      ['mia', '太好了，早餐我来带 🥐'],
    ],
    draft: '当然还有咖啡',
  },
}

/** Sets the scene and says who looks at it (`mia`), who answers calls (`noah`) and where they talk (`talk`). */
export async function scene(stage, lang, options = {}) {
  const words = WORDS[lang]
  const people = {}
  for (const [name, nickname] of Object.entries(words.people)) {
    people[name] = await stage.person(name, { lang, nickname, viewport: { width: 1000, height: 700 }, ...options })
  }
  const { mia, noah, lin, emma, theo } = people
  await noah.wears(await picture(noah.page, { width: 400, height: 400, type: 'image/jpeg' }))
  const rooms = { lin: await mia.befriend(lin), theo: await mia.befriend(theo), emma: await emma.befriend(mia) }
  await emma.befriend(lin)
  for (const [name, texts] of Object.entries(words.others)) {
    for (const text of texts) await people[name].sends(rooms[name], text)
  }

  const talk = await mia.befriend(noah)
  await Promise.all([mia, noah].map(person => person.enter(talk)))
  let { last_seq: seq } = await mia.request('GET', `/api/v1/conversations/${talk}`)
  for (const [name, said] of words.talk) await say(people[name], talk, said, ++seq)

  const ids = await Promise.all([mia, lin].map(person => person.me())).then(all => all.map(({ id }) => id))
  const group = await emma.request('POST', '/api/v1/groups', { title: words.group, member_ids: ids })
  for (const [name, text] of words.groupTalk) await people[name].sends(group.id, text)

  await theo.context.close()
  return { ...people, talk, group: group.id, words }
}

/** In order: what is uploaded is waited for, because it would arrive after the words that follow. */
async function say(person, conversation, said, seq) {
  if (typeof said === 'string') return person.sends(conversation, said)
  if (said.picture) {
    const buffer = await picture(person.page, { width: 1600, height: 900, type: 'image/jpeg' })
    await person.attaches({ name: said.picture, mimeType: 'image/jpeg', buffer })
    await person.says(said.caption)
  } else {
    await person.attaches({ name: said.file, mimeType: 'application/pdf', buffer: Buffer.alloc(1_260_000, '%PDF-1.7\n') })
    await person.see('send').click()
  }
  await person.page.locator(`[data-test="message"][data-seq="${seq}"]`).waitFor()
}

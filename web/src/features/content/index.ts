export {
  bodyOf,
  draftOf,
  fileOf,
  isAttachment,
  isBare,
  isHidden,
  isPicture,
  isSaid,
  lineOf,
  press,
  previewOf,
  sayable,
  viewOf,
  wordsOf,
  type Content,
} from './kinds'
export { sizeText, type Attachment } from './attachment'
export { default as Words } from './Words.vue'

export { useChat } from './chat.store'
export { useOutbox } from './outbox.store'
export { useReceipts } from './receipts.store'

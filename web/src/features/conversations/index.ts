export { useConversations } from './conversations.store'
export { useMembers } from './members.store'
export { useTyping } from './typing.store'

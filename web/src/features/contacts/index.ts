export { useContacts } from './contacts.store'
export { useRequests } from './requests.store'
export { default as AddContact } from './AddContact.vue'
export { default as ContactPicker } from './ContactPicker.vue'

import { defineAsyncComponent } from 'vue'

export { useContacts } from './contacts.store'
export { useRequests } from './requests.store'
// Opened by hand, so not part of the first visit.
export const AddContact = defineAsyncComponent(() => import('./AddContact.vue'))
export const ContactPicker = defineAsyncComponent(() => import('./ContactPicker.vue'))
export const PickContacts = defineAsyncComponent(() => import('./PickContacts.vue'))

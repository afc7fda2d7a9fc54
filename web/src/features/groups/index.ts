import { defineAsyncComponent } from 'vue'

// Opened by hand, so not part of the first visit.
export const GroupDetails = defineAsyncComponent(() => import('./GroupDetails.vue'))
export const NewGroupDialog = defineAsyncComponent(() => import('./NewGroupDialog.vue'))

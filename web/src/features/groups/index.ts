export { default as GroupDetails } from './GroupDetails.vue'
export { default as NewGroupDialog } from './NewGroupDialog.vue'

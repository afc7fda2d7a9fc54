export { useCall } from './call.store'
export { default as CallButtons } from './CallButtons.vue'
export { default as CallHost } from './CallHost.vue'

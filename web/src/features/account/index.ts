export { useAccount } from './account.store'

export { useAccount } from './account.store'
export { passwordProblem } from './rules'

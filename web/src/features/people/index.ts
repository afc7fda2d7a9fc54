export { usePeople } from './people.store'
export { useOwnPresence } from './useOwnPresence'

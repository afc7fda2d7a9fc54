export { usePeople } from './people.store'

import type { Contact, PresenceState, Uuid } from '@/api'

interface Named {
  contact: Contact
  name: string
}

/** Contacts that match a search, by name; whoever is here first. */
export function sections(
  contacts: Contact[],
  query: string,
  nameOf: (id: Uuid) => string,
  stateOf: (id: Uuid) => PresenceState | undefined,
  locale: string,
): { here: Named[]; others: Named[] } {
  const wanted = query.trim().toLowerCase()
  const collator = new Intl.Collator(locale, { numeric: true })
  const found = contacts
    .map(contact => ({ contact, name: nameOf(contact.user.id) || contact.user.nickname }))
    .filter(({ contact, name }) =>
      `${name} ${contact.user.nickname} ${contact.user.name}`.toLowerCase().includes(wanted),
    )
    .sort((a, b) => collator.compare(a.name, b.name))
  const isHere = ({ contact }: Named) => (stateOf(contact.user.id) ?? 'offline') !== 'offline'
  return { here: found.filter(isHere), others: found.filter(one => !isHere(one)) }
}

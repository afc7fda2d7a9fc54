import type { BodyOf, Kind } from './kind'

export const withheld: Kind<BodyOf<'withheld'>> = {
  hidden: true,
  preview: () => '',
}

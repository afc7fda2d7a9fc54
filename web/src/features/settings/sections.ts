import { KeyRound, MonitorSmartphone, Palette, ShieldCheck, UserRound } from '@lucide/vue'
import { defineAsyncComponent } from 'vue'

/** The pages of the settings, in order; the first one is what a wide screen opens with. */
export const sections = [
  { name: 'profile', icon: UserRound, page: defineAsyncComponent(() => import('./ProfileSection.vue')) },
  { name: 'look', icon: Palette, page: defineAsyncComponent(() => import('./LookSection.vue')) },
  { name: 'privacy', icon: ShieldCheck, page: defineAsyncComponent(() => import('./PrivacySection.vue')) },
  { name: 'devices', icon: MonitorSmartphone, page: defineAsyncComponent(() => import('./DevicesSection.vue')) },
  { name: 'password', icon: KeyRound, page: defineAsyncComponent(() => import('./PasswordSection.vue')) },
] as const

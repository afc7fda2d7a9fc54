import { createRouter, createWebHistory } from 'vue-router'
import { useAccount } from '@/features/account'
import ConversationPage from '@/pages/ConversationPage.vue'
import PickPage from '@/pages/PickPage.vue'
import ConversationsPane from '@/pages/ConversationsPane.vue'
import Frame from '@/layout/Frame.vue'

declare module 'vue-router' {
  interface RouteMeta {
    /** Which pane a phone shows: the list or the main one (the default). */
    pane?: 'list' | 'main'
    /** Open to people who are not signed in. */
    public?: boolean
  }
}

const ContactList = () => import('@/features/contacts/ContactList.vue')
const SettingsList = () => import('@/features/settings/SettingsList.vue')
const SettingsPage = () => import('@/features/settings/SettingsPage.vue')
const NoContact = () => import('@/features/contacts/NoContact.vue')

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: '/sign-in', component: () => import('@/features/account/SignIn.vue'), meta: { public: true } },
    {
      path: '/',
      component: Frame,
      redirect: '/c',
      children: [
        { path: 'c', components: { list: ConversationsPane, default: PickPage }, meta: { pane: 'list' } },
        { path: 'c/:id', components: { list: ConversationsPane, default: ConversationPage } },
        { path: 'contacts', components: { list: ContactList, default: NoContact }, meta: { pane: 'list' } },
        {
          path: 'contacts/requests',
          components: { list: ContactList, default: () => import('@/features/contacts/Requests.vue') },
        },
        {
          path: 'contacts/blocked',
          components: { list: ContactList, default: () => import('@/features/contacts/BlockedList.vue') },
        },
        {
          path: 'contacts/:id',
          components: { list: ContactList, default: () => import('@/pages/ContactPage.vue') },
        },
        { path: 'settings', components: { list: SettingsList, default: SettingsPage }, meta: { pane: 'list' } },
        { path: 'settings/:section', components: { list: SettingsList, default: SettingsPage } },
      ],
    },
    { path: '/call/:id', component: () => import('@/features/call/CallPage.vue') },
    { path: '/:anything(.*)', redirect: '/c' },
  ],
})

router.beforeEach(async to => {
  const account = useAccount()
  const signedIn = await account.ready()
  if (!signedIn && !to.meta.public)
    return { path: '/sign-in', query: to.fullPath === '/c' ? {} : { next: to.fullPath } }
  if (signedIn && to.meta.public) return '/c'
})

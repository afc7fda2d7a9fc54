import * as account from '@/features/account/locale'
import * as call from '@/features/call/locale'
import * as chat from '@/features/chat/locale'
import * as contacts from '@/features/contacts/locale'
import * as conversations from '@/features/conversations/locale'
import * as groups from '@/features/groups/locale'
import * as settings from '@/features/settings/locale'
import { addWords } from '@/shared/i18n'

// Each feature brings its own words; they are there before anything is shown.
addWords({ account, call, chat, contacts, conversations, groups, settings })

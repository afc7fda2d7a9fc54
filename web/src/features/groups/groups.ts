import { api, type Conversation, type Uuid } from '@/api'

/** What a group's members can do to it; the news comes back as frames to everybody. */

export const groups = {
  create: (title: string, memberIds: Uuid[]) => api.post<Conversation>('/groups', { title, member_ids: memberIds }),
  rename: (id: Uuid, title: string) => api.patch<Conversation>(`/groups/${id}`, { title }),
  invite: (id: Uuid, userIds: Uuid[]) => api.post<Conversation>(`/groups/${id}/members`, { user_ids: userIds }),
  /** Somebody else as the owner, or oneself to leave. */
  remove: (id: Uuid, userId: Uuid) => api.delete(`/groups/${id}/members/${userId}`),
  transfer: (id: Uuid, userId: Uuid) => api.put<Conversation>(`/groups/${id}/owner`, { user_id: userId }),
  dissolve: (id: Uuid) => api.delete(`/groups/${id}`),
}

import { api, type Uuid } from '@/api'

/** What a group's members can do to it; the news comes back as frames to everybody. */

export const groups = {
  create: (title: string, memberIds: Uuid[]) => api.post('/groups', { body: { title, member_ids: memberIds } }),
  rename: (id: Uuid, title: string) => api.patch('/groups/{id}', { params: { path: { id } }, body: { title } }),
  invite: (id: Uuid, userIds: Uuid[]) =>
    api.post('/groups/{id}/members', { params: { path: { id } }, body: { user_ids: userIds } }),
  /** Somebody else as the owner, or oneself to leave. */
  remove: (id: Uuid, userId: Uuid) =>
    api.delete('/groups/{id}/members/{user_id}', { params: { path: { id, user_id: userId } } }),
  transfer: (id: Uuid, userId: Uuid) =>
    api.put('/groups/{id}/owner', { params: { path: { id } }, body: { user_id: userId } }),
  dissolve: (id: Uuid) => api.delete('/groups/{id}', { params: { path: { id } } }),
}

//! What inputs do to a group call.

use super::*;

impl GroupCall {
    pub(super) fn act(
        &mut self,
        now: i64,
        user: UserId,
        act: GroupCallAct,
    ) -> Result<Vec<GroupCallEffect>> {
        match act {
            GroupCallAct::Join { member } => self.admit(now, user, member),
            GroupCallAct::Invite { members, guests } => self.invite(now, user, members, guests),
            GroupCallAct::Decline => self.decline(user),
            GroupCallAct::Mute(whom) => self.may_mute(user, whom),
            GroupCallAct::Remove(whom) => self.remove(now, user, whom),
        }
    }

    fn admit(&mut self, now: i64, user: UserId, member: bool) -> Result<Vec<GroupCallEffect>> {
        if self.removed.contains(&user) {
            return Err(Code::Denied.into());
        }
        if !self.concerns(user, member) {
            return Err(Code::NotMember.into());
        }
        let others = self.inside.iter().copied().chain(self.coming.iter().map(|until| until.user));
        let taken: HashSet<_> = others.filter(|other| *other != user).collect();
        if taken.len() >= self.size_max {
            return Err(Code::CallFull.into());
        }
        self.outside.remove(&user); // a member again
        put(&mut self.coming, Until { user, at: now + EMPTY_MS });
        Ok(self.answered(user))
    }

    /// Whoever comes is no longer rung, on all devices.
    fn answered(&mut self, user: UserId) -> Vec<GroupCallEffect> {
        match take(&mut self.ringing, user) {
            true => vec![GroupCallEffect::Tell { also: vec![] }],
            false => vec![],
        }
    }

    fn invite(
        &mut self,
        now: i64,
        by: UserId,
        members: Vec<UserId>,
        guests: Vec<UserId>,
    ) -> Result<Vec<GroupCallEffect>> {
        if !self.is_in(by) {
            return Err(Code::Denied.into());
        }
        let mut users: Vec<_> = members.iter().chain(&guests).copied().collect();
        users.retain(|user| !self.is_in(*user));
        users.sort_unstable();
        users.dedup();
        if users.iter().any(|user| self.removed.contains(user)) {
            return Err(Code::Denied.into());
        }
        let ringing: HashSet<_> = self.ringing().chain(users.iter().copied()).collect();
        let outsiders: HashSet<_> = self.guests().chain(guests.iter().copied()).collect();
        if ringing.len() > RINGING_MAX || outsiders.len() > GUESTS_MAX {
            return Err(Refusal { field: Some("user_ids"), ..Code::TooLarge.into() });
        }
        for user in &users {
            put(&mut self.ringing, Until { user: *user, at: now + RING_MS });
            if guests.contains(user) {
                self.outside.remove(user);
                self.guests.insert(*user);
            }
        }
        Ok(match users.is_empty() {
            true => vec![],
            false => {
                vec![GroupCallEffect::Ring { users, by }, GroupCallEffect::Tell { also: vec![] }]
            }
        })
    }

    fn decline(&mut self, user: UserId) -> Result<Vec<GroupCallEffect>> {
        if !take(&mut self.ringing, user) {
            return Err(Code::NotFound.into());
        }
        self.declined.push(user);
        let also = if self.is_in(user) { vec![] } else { self.uninvite([user]) };
        Ok(vec![GroupCallEffect::Tell { also }])
    }

    /// Those of `users` who were guests and are no longer: members hear of the call anyway.
    fn uninvite(&mut self, users: impl IntoIterator<Item = UserId>) -> Vec<UserId> {
        users.into_iter().filter(|user| self.guests.remove(user)).collect()
    }

    fn may_mute(&self, by: UserId, whom: UserId) -> Result<Vec<GroupCallEffect>> {
        self.may_moderate(by, whom)?;
        match self.inside.contains(&whom) {
            true => Ok(vec![]),
            false => Err(Code::NotFound.into()),
        }
    }

    /// The owner's word is the last: whoever only started the call does not moderate them.
    fn may_moderate(&self, by: UserId, whom: UserId) -> Result<()> {
        let outranked = self.owner == Some(whom) && by != whom;
        match self.moderators().contains(&by) && !outranked {
            true => Ok(()),
            false => Err(Code::Denied.into()),
        }
    }

    fn remove(&mut self, now: i64, by: UserId, whom: UserId) -> Result<Vec<GroupCallEffect>> {
        self.may_moderate(by, whom)?;
        if by == whom {
            return Err(Refusal::invalid("user_id"));
        }
        let known = self.is_in(whom) || self.guests.contains(&whom);
        if !known && !self.ringing().any(|user| user == whom) {
            return Err(Code::NotFound.into());
        }
        self.removed.insert(whom);
        let mut effects = vec![GroupCallEffect::Evict(whom)];
        effects.extend(self.drop_person(now, whom));
        Ok(effects)
    }

    /// Forgets somebody's place in the call, and tells.
    fn drop_person(&mut self, now: i64, user: UserId) -> Vec<GroupCallEffect> {
        take(&mut self.ringing, user);
        take(&mut self.coming, user);
        let mut effects = vec![GroupCallEffect::Tell { also: self.uninvite([user]) }];
        if self.go_out(now, user) && self.coming.is_empty() && self.inside.is_empty() {
            effects = self.end(now, CallOutcome::Completed);
        }
        effects
    }

    pub(super) fn enter(&mut self, user: UserId) -> Vec<GroupCallEffect> {
        if self.is_barred(user) {
            return vec![GroupCallEffect::Evict(user)];
        }
        take(&mut self.coming, user);
        take(&mut self.ringing, user);
        if self.inside.contains(&user) {
            return vec![]; // another device took over
        }
        self.inside.push(user);
        if !self.came.contains(&user) {
            self.came.push(user);
        }
        vec![GroupCallEffect::Tell { also: vec![] }]
    }

    pub(super) fn leave(&mut self, now: i64, user: UserId, lost: bool) -> Vec<GroupCallEffect> {
        if !self.go_out(now, user) {
            return vec![];
        }
        if self.inside.is_empty() && self.coming.is_empty() && !lost {
            return self.end(now, CallOutcome::Completed);
        }
        vec![GroupCallEffect::Tell { also: vec![] }]
    }

    pub(super) fn empty(&mut self, now: i64) -> Vec<GroupCallEffect> {
        if self.inside.is_empty() {
            return vec![];
        }
        self.inside.clear();
        self.empty_since = now;
        vec![GroupCallEffect::Tell { also: vec![] }]
    }

    fn go_out(&mut self, now: i64, user: UserId) -> bool {
        let before = self.inside.len();
        self.inside.retain(|other| *other != user);
        let was_inside = self.inside.len() < before;
        if was_inside {
            self.empty_since = now;
        }
        was_inside
    }

    pub(super) fn members_joined(&mut self, users: &[UserId]) -> Vec<GroupCallEffect> {
        for user in users {
            self.outside.remove(user);
            self.guests.remove(user);
        }
        match users.is_empty() {
            true => vec![],
            false => vec![GroupCallEffect::Tell { also: vec![] }],
        }
    }

    pub(super) fn members_left(&mut self, now: i64, users: &[UserId]) -> Vec<GroupCallEffect> {
        let mut effects = vec![];
        for user in users {
            self.outside.insert(*user);
            if self.is_in(*user) {
                effects.push(GroupCallEffect::Evict(*user));
            }
            if self.is_live() {
                effects.extend(self.drop_person(now, *user));
            }
        }
        effects
    }

    pub(super) fn hand_over(&mut self, owner: UserId) -> Vec<GroupCallEffect> {
        match self.owner.replace(owner) == Some(owner) {
            true => vec![],
            false => vec![GroupCallEffect::Tell { also: vec![] }],
        }
    }

    pub(super) fn tick(&mut self, now: i64) -> Vec<GroupCallEffect> {
        if let Some(at) = self.forget_at {
            return if now >= at { vec![GroupCallEffect::Forget] } else { vec![] };
        }
        self.coming.retain(|until| now < until.at);
        if self.inside.is_empty() && self.coming.is_empty() && now >= self.empty_since + EMPTY_MS {
            return self.end(now, CallOutcome::Completed);
        }
        let missed: Vec<_> = self.ringing.extract_if(.., |until| now >= until.at).collect();
        if missed.is_empty() {
            return vec![];
        }
        vec![GroupCallEffect::Tell {
            also: self.uninvite(missed.into_iter().map(|until| until.user)),
        }]
    }

    /// A call nobody ever came to was given up.
    pub(super) fn end(&mut self, now: i64, outcome: CallOutcome) -> Vec<GroupCallEffect> {
        self.forget_at = Some(now + REMEMBER_OVER_MS);
        self.inside.clear();
        self.coming.clear();
        self.ringing.clear();
        vec![GroupCallEffect::End(match !self.came.is_empty() {
            true => {
                let duration_ms = Some((now - self.since).max(0));
                GroupCallEnding { outcome, duration_ms }
            }
            false => GroupCallEnding { outcome: CallOutcome::Cancelled, duration_ms: None },
        })]
    }

    /// In the room, or on the way there.
    fn is_in(&self, user: UserId) -> bool {
        self.inside.contains(&user) || self.coming.iter().any(|until| until.user == user)
    }

    pub(super) fn is_barred(&self, user: UserId) -> bool {
        self.removed.contains(&user) || self.outside.contains(&user)
    }
}

/// One entry a person; a newer one replaces it.
fn put(list: &mut Vec<Until>, entry: Until) {
    take(list, entry.user);
    list.push(entry);
}

fn take(list: &mut Vec<Until>, user: UserId) -> bool {
    let before = list.len();
    list.retain(|until| until.user != user);
    list.len() < before
}

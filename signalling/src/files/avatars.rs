//! Pictures of people. Each has an id of its own, so its address may be cached for ever.

use bytes::Bytes;

use super::Files;
use super::images::{self, ImageError, Picture};
use crate::accounts::{self, Caller};
use crate::domain::ids::AvatarId;
use crate::domain::refusal::{Code, Refusal, Result};
use crate::domain::user::Me;
use crate::node::Node;
use crate::store;

/// Largest picture accepted as an avatar, before it is cropped.
pub const AVATAR_UPLOAD_BYTES_MAX: usize = 5 * 1024 * 1024;

/// Makes `image` the caller's picture: cropped to a square and encoded anew.
pub async fn set_avatar(node: &Node, caller: Caller, image: Bytes) -> Result<Me> {
    let id = node.files.make_avatar(image).await?;
    replace_avatar(node, caller, Some(id)).await
}

pub async fn remove_avatar(node: &Node, caller: Caller) -> Result<Me> {
    replace_avatar(node, caller, None).await
}

async fn replace_avatar(node: &Node, caller: Caller, new: Option<AvatarId>) -> Result<Me> {
    let user = store::users::by_id(&node.db, caller.user).await?.ok_or(Code::Unauthenticated)?;
    let me = accounts::set_avatar(node, caller, new).await?;
    if let Some(old) = user.avatar {
        node.files.discard_avatar(old).await;
    }
    Ok(me)
}

impl Files {
    /// The picture `id`, for anybody who is signed in.
    pub async fn avatar(&self, id: AvatarId) -> Result<Picture> {
        let bytes = self.storage.avatar(id).await?;
        Ok(Picture { mime: images::sniff(&bytes), bytes })
    }

    pub(super) async fn make_avatar(&self, image: Bytes) -> Result<AvatarId> {
        let made = self.on_image_worker(move || images::avatar(&image)).await;
        let picture = made.unwrap_or(Err(ImageError::NotAnImage))?;
        let id = AvatarId::fresh();
        self.storage.put_avatar(id, picture.bytes).await?;
        Ok(id)
    }

    async fn discard_avatar(&self, id: AvatarId) {
        if let Err(error) = self.storage.remove_avatar(id).await {
            tracing::warn!(%error, avatar.id = %id, "an old avatar could not be removed");
        }
    }
}

impl From<ImageError> for Refusal {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::NotAnImage => Code::WrongType.into(),
            ImageError::TooManyPixels => Code::TooLarge.into(),
        }
    }
}

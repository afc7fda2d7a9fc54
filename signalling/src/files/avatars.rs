//! Pictures of people. Each has an id of its own, so its address may be cached for ever.

use bytes::Bytes;
use tokio::task::spawn_blocking;

use super::images::{self, ImageError};
use super::{Client, Files, Opened};
use crate::accounts;
use crate::domain::ids::{AvatarId, UserId};
use crate::domain::login::Caller;
use crate::domain::refusal::{Code, Refusal, Result};
use crate::domain::user::Me;
use crate::node::Node;
use crate::shares::Share;

/// Makes `image` the caller's picture: cropped to a square and encoded anew. `place` is from
/// [`Files::avatar_place`].
pub async fn set_avatar(
    node: &Node,
    caller: Caller,
    client: Client,
    image: Bytes,
    place: Share,
) -> Result<Me> {
    let id = node.files.make_avatar(client, image, place).await?;
    replace_avatar(node, caller, Some(id)).await
}

pub async fn remove_avatar(node: &Node, caller: Caller) -> Result<Me> {
    replace_avatar(node, caller, None).await
}

async fn replace_avatar(node: &Node, caller: Caller, new: Option<AvatarId>) -> Result<Me> {
    let (me, replaced) = accounts::replace_avatar(node, caller, new).await?;
    if let Some(old) = replaced {
        node.files.discard_avatar(old).await;
    }
    Ok(me)
}

impl Files {
    /// A place for a picture on its way in, one a person. Taken before the first byte is read, for each byte is held.
    pub fn avatar_place(&self, by: Client) -> Result<Share> {
        Ok(self.avatars.take_now(by.into())?)
    }

    /// The picture `id`, as long as it is somebody's: what is stored may be gone later.
    pub async fn avatar(&self, reader: UserId, id: AvatarId) -> Result<Opened> {
        match self.is_shown(id.0, reader).await? {
            true => Ok(self.storage.avatar(id).await?),
            false => Err(Code::NotFound.into()),
        }
    }

    pub(super) async fn make_avatar(
        &self,
        by: Client,
        image: Bytes,
        place: Share,
    ) -> Result<AvatarId> {
        let _room = self.storage.disk.room(image.len() as u64)?;
        let format = images::format_of(images::sniff(&image)).ok_or(Code::WrongType)?;
        let decoder = self.decoders.take(by.into(), format, &image, image.len() as u64).await?;
        let work = move || {
            // Given back when the work is done, whether or not anybody still waits for it.
            let (decoder, _place) = (decoder, place);
            images::avatar(format, image, decoder.memory)
        };
        let picture = spawn_blocking(work).await.map_err(Refusal::internal)??;
        let id = AvatarId::fresh();
        self.storage.put_avatar(id, picture.bytes).await?;
        Ok(id)
    }

    /// Removes a picture that its owner gave up, if nobody else holds it.
    async fn discard_avatar(&self, id: AvatarId) {
        let removed = async {
            match self.is_held(id.0).await? {
                true => Ok(()),
                false => Ok::<_, Refusal>(self.storage.remove_avatar(id).await?),
            }
        };
        if let Err(error) = removed.await {
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

//! Objects that somebody else keeps, who falls silent.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result as Stored,
};

use super::*;

const SOON: Duration = Duration::from_millis(100);

/// A store that, while it is silent, takes every request and answers none.
#[derive(Clone, Debug, Default)]
struct Moody {
    inner: Arc<InMemory>,
    silent: Arc<AtomicBool>,
}

impl Moody {
    async fn mood(&self) {
        if self.silent.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }

    /// The same items, after the mood of the moment.
    fn moodily<T: Send + 'static>(
        &self,
        items: BoxStream<'static, Stored<T>>,
    ) -> BoxStream<'static, Stored<T>> {
        let store = self.clone();
        let once_in_the_mood = async move {
            store.mood().await;
            items
        };
        futures_util::stream::once(once_in_the_mood).flatten().boxed()
    }
}

impl fmt::Display for Moody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("moody")
    }
}

#[async_trait]
impl ObjectStore for Moody {
    async fn put_opts(&self, at: &Path, what: PutPayload, how: PutOptions) -> Stored<PutResult> {
        self.mood().await;
        self.inner.put_opts(at, what, how).await
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        how: PutMultipartOptions,
    ) -> Stored<Box<dyn MultipartUpload>> {
        self.mood().await;
        self.inner.put_multipart_opts(at, how).await
    }

    async fn get_opts(&self, at: &Path, how: GetOptions) -> Stored<GetResult> {
        self.mood().await;
        self.inner.get_opts(at, how).await
    }

    fn delete_stream(
        &self,
        them: BoxStream<'static, Stored<Path>>,
    ) -> BoxStream<'static, Stored<Path>> {
        self.moodily(self.inner.delete_stream(them))
    }

    fn list(&self, under: Option<&Path>) -> BoxStream<'static, Stored<ObjectMeta>> {
        self.moodily(self.inner.list(under))
    }

    async fn list_with_delimiter(&self, under: Option<&Path>) -> Stored<ListResult> {
        self.mood().await;
        self.inner.list_with_delimiter(under).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, how: CopyOptions) -> Stored<()> {
        self.mood().await;
        self.inner.copy_opts(from, to, how).await
    }
}

#[tokio::test]
async fn a_silent_store_is_said_in_time_and_keeps_no_place() {
    let mut stage = Stage::new().await;
    let store = Moody::default();
    stage.files.storage = Storage::over(Arc::new(store.clone()), SOON);
    let said = stage.uploaded("a.txt", "before").await;
    let begun = stage.begun(10).await;
    let file = stage.files.attachable(stage.ann, said).await.unwrap();

    store.silent.store(true, Ordering::Relaxed);
    // more often than there are places for one person
    for _ in 0..10 {
        assert_eq!(refused(stage.append(begun, 0, "0123456789").await), Code::Unavailable);
        let reading = stage.files.storage.file(file.id, 0..6).await;
        assert_eq!(Refusal::from(reading.err().unwrap()).code, Code::Unavailable);
        let place = stage.files.avatar_place(stage.ann.into()).unwrap();
        let avatar = stage.files.make_avatar(stage.ann.into(), picture(ImageFormat::Png), place);
        assert_eq!(refused(avatar.await), Code::Unavailable);
    }
    assert!(stage.files.storage.list(storage::Kind::File).next().await.unwrap().is_err());

    store.silent.store(false, Ordering::Relaxed);
    assert!(stage.append(begun, 0, "0123456789").await.unwrap().finished);
    let bytes = stage.files.storage.file(file.id, 0..6).await.expect("it speaks again");
    let bytes: Vec<_> = bytes.try_collect().await.unwrap();
    assert_eq!(bytes.concat(), b"before");
}

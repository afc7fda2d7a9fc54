//! An object store whose every wait has an end: a disk over the network or a service may fall silent, and whoever asked has
//! long given up when it speaks again. What was waited for in vain fails, and gives back its places.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
    UploadPart,
};
use tokio::time::timeout;

/// Until an object, or the next piece of one, is there, and until a piece of at most a few MiB is written for good.
/// People and proxies wait longer: browsers for minutes, nginx and Caddy for one.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(15);

#[derive(Debug)]
pub(super) struct Limited {
    pub(super) objects: Arc<dyn ObjectStore>,
    pub(super) limit: Duration,
}

impl fmt::Display for Limited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.objects.fmt(f)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("no answer within {0:?}")]
struct Silent(Duration);

fn silent(limit: Duration) -> Error {
    metrics::counter!("beckon_storage_silent_total").increment(1);
    Error::Generic { store: "storage", source: Silent(limit).into() }
}

async fn within<T>(limit: Duration, wait: impl Future<Output = Result<T>>) -> Result<T> {
    timeout(limit, wait).await.unwrap_or_else(|_| Err(silent(limit)))
}

/// The same items; one that does not come in time is the last, and an error.
fn each_within<T: Send + 'static>(
    limit: Duration,
    items: BoxStream<'static, Result<T>>,
) -> BoxStream<'static, Result<T>> {
    let next = move |items: Option<BoxStream<'static, Result<T>>>| async move {
        let mut items = items?;
        match timeout(limit, items.next()).await {
            Ok(Some(item)) => Some((item, Some(items))),
            Ok(None) => None,
            Err(_) => Some((Err(silent(limit)), None)),
        }
    };
    stream::unfold(Some(items), next).boxed()
}

#[async_trait]
impl ObjectStore for Limited {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        within(self.limit, self.objects.put_opts(location, payload, opts)).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let upload = within(self.limit, self.objects.put_multipart_opts(location, opts)).await?;
        Ok(Box::new(LimitedUpload { upload, limit: self.limit }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let found = within(self.limit, self.objects.get_opts(location, options)).await?;
        let payload = match found.payload {
            GetResultPayload::Stream(bytes) => {
                GetResultPayload::Stream(each_within(self.limit, bytes))
            }
            // this machine's own
            file => file,
        };
        Ok(GetResult { payload, ..found })
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        within(self.limit, self.objects.get_ranges(location, ranges)).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        each_within(self.limit, self.objects.delete_stream(locations))
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        each_within(self.limit, self.objects.list(prefix))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        within(self.limit, self.objects.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        within(self.limit, self.objects.copy_opts(from, to, options)).await
    }
}

/// An object that is written piece by piece.
#[derive(Debug)]
struct LimitedUpload {
    upload: Box<dyn MultipartUpload>,
    limit: Duration,
}

#[async_trait]
impl MultipartUpload for LimitedUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        Box::pin(within(self.limit, self.upload.put_part(data)))
    }

    async fn complete(&mut self) -> Result<PutResult> {
        within(self.limit, self.upload.complete()).await
    }

    async fn abort(&mut self) -> Result<()> {
        within(self.limit, self.upload.abort()).await
    }
}

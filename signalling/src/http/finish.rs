//! The one place that decides what becomes of a request whose client hangs up or whose time is over.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use tokio::sync::oneshot;

use super::Answer;
use crate::domain::network::Network;
use crate::domain::refusal::Code;
use crate::node::Node;
use crate::works::Asker;

/// A request that takes longer after its body has come is answered `unavailable`: well above every wait for another
/// system that it may meet on its way. A body has limits of its own.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// These carry large bodies and have limits of their own.
const UPLOADS: &str = "/api/v1/uploads";

/// Middleware around every route. A request with a safe method (RFC 9110, 9.2.1) ends with its connection; any other
/// may write, so it is finished once it has begun. Running out of time answers the client and ends no work.
pub(super) async fn finish(
    State(node): State<Arc<Node>>,
    request: Request,
    next: Next,
) -> Response {
    let network = Network::of(address(&request));
    let unlimited = request.uri().path().starts_with(UPLOADS);
    let (request, came) = if unlimited { (request, None) } else { watched(request) };
    let answer = async {
        if request.method().is_safe() {
            return Asker::Network(network).asks(next.run(request)).await;
        }
        let share = match node.works.admit(network) {
            Ok(share) => share,
            Err(refusal) => return Answer(refusal).into_response(),
        };
        let work = async move {
            let _share = share;
            Asker::Network(network).asks(next.run(request)).await
        };
        node.works.finish(work).await
    };
    if unlimited {
        return answer.await;
    }
    let late = async {
        if let Some(came) = came {
            // an error says that nobody wants the body any more
            let _ = came.await;
        }
        tokio::time::sleep(ANSWER_WITHIN).await;
    };
    tokio::select! {
        biased;
        answer = answer => answer,
        () = late => Answer(Code::Unavailable.into()).into_response(),
    }
}

/// The same request, and what ends when its body has been read or dropped; `None` if there is no body.
fn watched(request: Request) -> (Request, Option<oneshot::Receiver<()>>) {
    if request.body().is_end_stream() {
        return (request, None);
    }
    let (unread, came) = oneshot::channel();
    let watched = |body: Body| {
        let frames = body.into_data_stream();
        Body::from_stream(frames.inspect(move |_| _ = &unread))
    };
    (request.map(watched), Some(came))
}

fn address(request: &Request) -> IpAddr {
    let info = request.extensions().get::<ConnectInfo<SocketAddr>>();
    info.map_or(Ipv4Addr::UNSPECIFIED.into(), |ConnectInfo(address)| address.ip())
}

#[cfg(test)]
mod tests {
    use tower::ServiceExt as _;

    use super::*;

    async fn signalling(folder: &std::path::Path) -> crate::Signalling {
        let config = crate::Config { data_dir: folder.to_owned(), ..Default::default() };
        crate::Signalling::start(crate::domain::ids::NodeId::fresh(), config, None, None)
            .await
            .unwrap()
    }

    /// Every operation that the document lists is asked once: with any method that may write, it runs as a work.
    #[tokio::test]
    async fn every_route_that_may_write_is_finished_once_begun() {
        let folder = tempfile::tempdir().unwrap();
        let signalling = signalling(folder.path()).await;
        let document: serde_json::Value = serde_json::from_str(&super::super::openapi()).unwrap();
        let paths = document["paths"].as_object().unwrap();
        let operations = paths.iter().flat_map(|(path, operations)| {
            operations.as_object().unwrap().keys().map(move |method| (path, method.to_uppercase()))
        });
        let mut writing = 0;
        for (path, method) in operations {
            let before = signalling.node.works.begun();
            let path = path.replace("{id}", "0198c0de-0000-7000-8000-000000000000");
            let request = Request::builder().method(&*method).uri(path.replace(['{', '}'], ""));
            let request = request.body(Body::empty()).unwrap();
            signalling.router().oneshot(request).await.unwrap();
            let begun = signalling.node.works.begun() - before;
            let safe = ["GET", "HEAD", "OPTIONS"].contains(&&*method);
            assert_eq!(begun, u64::from(!safe), "{method} {path}");
            writing += begun;
        }
        assert!(writing > 25, "the document lists {writing} operations that may write");
    }
}

//! Uploads by tus.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::http::{Method, Request, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::stage::{Stage, answer};

#[tokio::test]
async fn a_tus_client_learns_what_it_may_do() {
    let stage = Stage::new().await;
    let request = Request::options("/api/v1/uploads").body(Body::empty()).unwrap();
    let options = answer(&stage.router, request).await;
    assert_eq!(options.status, StatusCode::NO_CONTENT);
    assert_eq!(options.header("tus-version"), "1.0.0");
    assert_eq!(options.header("tus-max-size"), "1048576");
    for extension in ["creation", "creation-with-upload", "termination", "expiration"] {
        assert!(options.header("tus-extension").split(',').any(|known| known == extension));
    }
}

#[tokio::test]
async fn an_upload_goes_on_where_it_stopped() {
    let stage = Stage::new().await;
    let ann = stage.person("ann").await;
    let address = ann.begins("a.txt", 10).await;
    let first = ann.appends(&address, "0", "0123").await;
    assert_eq!((first.status, first.header("upload-offset")), (StatusCode::NO_CONTENT, "4"));
    assert!(!first.header("upload-expires").is_empty());
    assert_eq!(first.header("tus-resumable"), "1.0.0");

    let status = ann.tus(Method::HEAD, &address, &[], "").await;
    assert_eq!((status.status, status.header("upload-offset")), (StatusCode::OK, "4"));
    assert_eq!(
        (status.header("upload-length"), status.header("cache-control")),
        ("10", "no-store")
    );

    let wrong = ann.appends(&address, "5", "56789").await;
    assert_eq!(wrong.refusal(), (409, "offset_mismatch".into()));
    assert_eq!(wrong.header("tus-resumable"), "1.0.0", "refusals are signed too");
    let last = ann.appends(&address, "4", "456789").await;
    assert_eq!((last.status, last.header("upload-offset")), (StatusCode::NO_CONTENT, "10"));
    let status = ann.tus(Method::HEAD, &address, &[], "").await;
    assert_eq!(status.header("upload-offset"), "10");

    let file = ann.gets(&address.replace("uploads", "files"), &[]).await;
    assert_eq!(file.body, "0123456789");
}

#[tokio::test]
async fn a_creation_may_carry_the_file() {
    let stage = Stage::new().await;
    let ann = stage.person("ann").await;
    let headers = [("upload-length", "4"), ("content-type", "application/offset+octet-stream")];
    let created = ann.tus(Method::POST, "/api/v1/uploads", &headers, "0123").await;
    assert_eq!((created.status, created.header("upload-offset")), (StatusCode::CREATED, "4"));
    let file = ann.gets(&created.header("location").replace("uploads", "files"), &[]).await;
    assert_eq!(file.body, "0123");
    assert_eq!(
        file.header("content-disposition"),
        "attachment; filename=\"file\"; filename*=UTF-8''file"
    );
}

#[tokio::test]
async fn what_breaks_the_rules_of_tus_is_refused() {
    let stage = Stage::new().await;
    let ann = stage.person("ann").await;
    let address = ann.begins("a.txt", 4).await;
    let octets = ("content-type", "application/offset+octet-stream");

    let unversioned =
        ann.does(Method::PATCH, &address, &[("upload-offset", "0"), octets], "0123").await;
    assert_eq!(unversioned.refusal(), (412, "precondition_failed".into()));
    assert_eq!(unversioned.header("tus-version"), "1.0.0");
    let untyped = ann.tus(Method::PATCH, &address, &[("upload-offset", "0")], "0123").await;
    assert_eq!(untyped.refusal(), (415, "wrong_type".into()));
    let unplaced = ann.tus(Method::PATCH, &address, &[octets], "0123").await;
    assert_eq!(unplaced.refusal(), (400, "invalid".into()));
    let long = ann.appends(&address, "0", "01234").await;
    assert_eq!(long.refusal(), (413, "too_large".into()));
    let endless = Body::from_stream(futures_util::stream::iter(
        (0..9).map(|_| Ok::<_, Infallible>(Bytes::from_static(b"x"))),
    ));
    assert_eq!(ann.appends(&address, "0", endless).await.refusal(), (413, "too_large".into()));

    let create = async |headers: &[(&str, &str)]| {
        ann.tus(Method::POST, "/api/v1/uploads", headers, "").await.refusal()
    };
    assert_eq!(create(&[("upload-length", "1048577")]).await, (413, "too_large".into()));
    assert_eq!(create(&[("upload-defer-length", "1")]).await, (400, "not_supported".into()));
    assert_eq!(create(&[]).await, (400, "invalid".into()));
}

#[tokio::test]
async fn an_upload_can_be_given_up() {
    let stage = Stage::new().await;
    let ann = stage.person("ann").await;
    let address = ann.begins("a.txt", 10).await;
    ann.appends(&address, "0", "0123").await;
    let gone = ann.tus(Method::DELETE, &address, &[], "").await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert_eq!(ann.tus(Method::HEAD, &address, &[], "").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn networks_that_know_only_post_can_upload() {
    let stage = Stage::new().await;
    let ann = stage.person("ann").await;
    let address = ann.begins("a.txt", 4).await;
    let headers = [
        ("x-http-method-override", "PATCH"),
        ("upload-offset", "0"),
        ("content-type", "application/offset+octet-stream"),
    ];
    let appended = ann.tus(Method::POST, &address, &headers, "0123").await;
    assert_eq!((appended.status, appended.header("upload-offset")), (StatusCode::NO_CONTENT, "4"));
    let meant = [("x-http-method-override", "TRACE")];
    let refused = ann.tus(Method::POST, &address, &meant, "").await;
    assert_eq!(refused.refusal(), (405, "method_not_allowed".into()));
}

#[tokio::test]
async fn an_empty_file_can_be_uploaded_and_read() {
    let stage = Stage::new().await;
    let ann = stage.person("ann").await;
    let address = ann.begins("empty.txt", 0).await;
    let file = ann.gets(&address.replace("uploads", "files"), &[]).await;
    assert_eq!((file.status, file.body.len()), (StatusCode::OK, 0));
}

#[tokio::test]
async fn a_cut_connection_loses_nothing_that_arrived() {
    let stage = Stage::new().await;
    let ann = stage.person("ann").await;
    let address = ann.begins("a.bin", 1000).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    let serving = tokio::spawn(axum::serve(listener, stage.router.clone()).into_future());

    let mut connection = tokio::net::TcpStream::connect(server).await.unwrap();
    let head = format!(
        "PATCH {address} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nTus-Resumable: 1.0.0\r\n\
         Upload-Offset: 0\r\nContent-Type: application/offset+octet-stream\r\n\
         Content-Length: 1000\r\nExpect: 100-continue\r\n\r\n",
        ann.token
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    // The server says so when it begins to read the body.
    let mut go_on = [0; 25];
    connection.read_exact(&mut go_on).await.unwrap();
    assert!(go_on.starts_with(b"HTTP/1.1 100"));
    connection.write_all(&[7; 400]).await.unwrap();
    connection.shutdown().await.unwrap();
    // Read to its end the connection is known to be closed on the other side as well.
    let _ = connection.read_to_end(&mut Vec::new()).await;

    let status = ann.tus(Method::HEAD, &address, &[], "").await;
    assert_eq!(status.header("upload-offset"), "400");
    let rest = ann.appends(&address, "400", vec![7; 600]).await;
    assert_eq!(rest.header("upload-offset"), "1000");
    serving.abort();
}

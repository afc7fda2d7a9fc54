//! Paths with slashes too many: SDKs put `/rtc` after a server's address as it was typed, `wss://host/`.

use axum::extract::Request;
use axum::http::Uri;
use axum::http::uri::PathAndQuery;

/// Makes one slash of several, before routes are looked for.
pub(crate) async fn merge(mut request: Request) -> Request {
    if let Some(merged) = merged(request.uri()) {
        *request.uri_mut() = merged;
    }
    request
}

fn merged(uri: &Uri) -> Option<Uri> {
    if !uri.path().contains("//") {
        return None;
    }
    let mut path = String::with_capacity(uri.path().len());
    for letter in uri.path().chars() {
        if letter != '/' || !path.ends_with('/') {
            path.push(letter);
        }
    }
    if let Some(query) = uri.query() {
        path = format!("{path}?{query}");
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(path).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slash_is_made_of_several_and_the_query_stays_as_it_is() {
        let merge = |uri: &str| merged(&uri.parse().unwrap()).map(|uri| uri.to_string());
        assert_eq!(merge("//rtc?a=//b").as_deref(), Some("/rtc?a=//b"));
        assert_eq!(merge("/rtc///v1//validate").as_deref(), Some("/rtc/v1/validate"));
        assert_eq!(merge("//").as_deref(), Some("/"));
        assert_eq!(merge("/rtc?a=//b"), None);
    }
}

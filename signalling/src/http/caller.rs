//! Who asks: a bearer token or our own cookie, never anything else in the request.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum_extra::extract::CookieJar;

use super::{Answer, origin_allowed};
use crate::accounts::{self, Caller};
use crate::domain::refusal::{Code, Result};
use crate::node::Node;

pub(super) const ACCESS_COOKIE: &str = "beckon_access";
pub(super) const REFRESH_COOKIE: &str = "beckon_refresh";

/// How a request came in; the listener sets it as an extension.
#[derive(Clone, Copy, Debug, Default)]
pub struct Arrival {
    /// Over TLS, here or at a proxy we trust: cookies are marked `Secure`.
    pub secure: bool,
}

impl FromRequestParts<Arc<Node>> for Caller {
    type Rejection = Answer;

    async fn from_request_parts(parts: &mut Parts, node: &Arc<Node>) -> Result<Self, Answer> {
        let token = match token_of(&parts.headers).ok_or(Code::Unauthenticated)? {
            Token::Bearer(token) => token,
            Token::Cookie(token) => {
                // SameSite keeps cookies from foreign pages; this keeps them from foreign subdomains too
                let safe = matches!(parts.method, Method::GET | Method::HEAD);
                if !safe && !origin_allowed(&parts.headers, &node.config.allowed_origins) {
                    return Err(Code::OriginDenied.into());
                }
                token
            }
        };
        let caller = accounts::authenticate(node, &token).await?;
        node.limits.request(caller.user)?;
        Ok(caller)
    }
}

#[derive(Debug, PartialEq, Eq)]
pub enum Token {
    Bearer(String),
    Cookie(String),
}

impl Token {
    pub fn text(&self) -> &str {
        match self {
            Token::Bearer(token) | Token::Cookie(token) => token,
        }
    }
}

/// The access token of a request.
pub fn token_of(headers: &HeaderMap) -> Option<Token> {
    if let Some(value) = headers.get(AUTHORIZATION) {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("bearer").then(|| Token::Bearer(token.trim().into()));
    }
    let jar = CookieJar::from_headers(headers);
    Some(Token::Cookie(jar.get(ACCESS_COOKIE)?.value().to_owned()))
}

/// The address a request came from.
pub(super) struct Address(pub IpAddr);

impl<S: Send + Sync> FromRequestParts<S> for Address {
    type Rejection = Answer;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Answer> {
        let info = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let address = info.map(|ConnectInfo(address)| address.ip());
        Ok(Address(address.unwrap_or(IpAddr::from([0, 0, 0, 0])).to_canonical()))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Arrival {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get::<Arrival>().copied().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(k, v)| (k.parse().unwrap(), v.parse().unwrap())).collect()
    }

    #[test]
    fn a_bearer_token_comes_before_a_cookie() {
        let both = headers(&[("authorization", "Bearer abc"), ("cookie", "beckon_access=def")]);
        assert_eq!(token_of(&both), Some(Token::Bearer("abc".into())));
        let cookie = headers(&[("cookie", "a=b; beckon_access=def")]);
        assert_eq!(token_of(&cookie), Some(Token::Cookie("def".into())));
        assert_eq!(token_of(&headers(&[("authorization", "Basic abc")])), None);
    }
}

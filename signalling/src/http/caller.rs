//! Who asks: a bearer token or our own cookie, never anything else in the request.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, Method};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};

use super::arrival::Arrival;
use super::{Answer, origin_allowed};
use crate::accounts;
use crate::domain::login::Caller;
use crate::domain::network::Network;
use crate::domain::refusal::{Code, Result};
use crate::files::Client;
use crate::node::Node;
use crate::works::Asker;

pub(super) const ACCESS_COOKIE: TokenCookie =
    TokenCookie { plain: "beckon_access", secure: "__Host-beckon_access", plain_path: "/api" };
pub(super) const REFRESH_COOKIE: TokenCookie = TokenCookie {
    plain: "beckon_refresh",
    secure: "__Host-beckon_refresh",
    plain_path: "/api/v1/logins/refresh", // travels to one address only
};

/// A cookie that holds a token. Over TLS its name makes browsers refuse it from other hosts and over plain HTTP
/// (RFC 6265bis, section 4.1.3.2); the first releases used the plain name there too, which is still read.
#[derive(Clone, Copy, Debug)]
pub(super) struct TokenCookie {
    pub(super) plain: &'static str,
    secure: &'static str,
    plain_path: &'static str,
}

impl TokenCookie {
    pub(super) fn read(self, jar: &CookieJar) -> Option<&str> {
        jar.get(self.secure).or_else(|| jar.get(self.plain)).map(Cookie::value)
    }

    /// Sets it for this long, in milliseconds; over TLS a former one that came with the request goes.
    pub(super) fn set(
        self,
        came: &CookieJar,
        value: String,
        life_ms: i64,
        arrival: Arrival,
    ) -> Vec<Cookie<'static>> {
        if !arrival.secure {
            return vec![token_cookie(self.plain, self.plain_path, value, life_ms, false)];
        }
        let former = came.get(self.plain).map(|_| self.former_ends());
        let new = token_cookie(self.secure, "/", value, life_ms, true);
        former.into_iter().chain([new]).collect()
    }

    /// Removes it under all its names.
    pub(super) fn end(self, arrival: Arrival) -> Vec<Cookie<'static>> {
        let mut all =
            vec![token_cookie(self.plain, self.plain_path, String::new(), 0, arrival.secure)];
        if arrival.secure {
            all.push(token_cookie(self.secure, "/", String::new(), 0, true));
        }
        all
    }

    fn former_ends(self) -> Cookie<'static> {
        token_cookie(self.plain, self.plain_path, String::new(), 0, true)
    }
}

fn token_cookie(
    name: &'static str,
    path: &'static str,
    value: String,
    life_ms: i64,
    secure: bool,
) -> Cookie<'static> {
    let mut cookie = Cookie::new(name, value);
    cookie.set_http_only(true);
    cookie.set_same_site(SameSite::Strict);
    cookie.set_secure(secure);
    cookie.set_path(path);
    cookie.set_max_age(time::Duration::milliseconds(life_ms));
    cookie
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
        Asker::Person(caller.user).is_known();
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
    Some(Token::Cookie(ACCESS_COOKIE.read(&jar)?.to_owned()))
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

/// The network a request came from, if that is known.
#[derive(Clone, Copy)]
pub(super) struct Source(Option<Network>);

impl Source {
    /// Somebody there, who brings or reads files.
    pub(super) fn of(self, caller: Caller) -> Client {
        Client { user: caller.user, network: self.0 }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Source {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Source(network_of(&parts.extensions)))
    }
}

/// The network a request came from, seen through trusted proxies.
pub fn network_of(extensions: &Extensions) -> Option<Network> {
    let from = extensions.get::<ConnectInfo<SocketAddr>>();
    from.map(|ConnectInfo(address)| Network::of(address.ip()))
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

    #[test]
    fn a_cookie_of_this_host_only_comes_before_one_of_the_first_releases() {
        let both = headers(&[("cookie", "beckon_access=old; __Host-beckon_access=new")]);
        assert_eq!(token_of(&both), Some(Token::Cookie("new".into())));
    }

    #[test]
    fn over_tls_cookies_are_for_this_host_and_replace_former_ones() {
        let came = CookieJar::from_headers(&headers(&[("cookie", "beckon_refresh=old")]));
        let set = |secure| REFRESH_COOKIE.set(&came, "new".into(), 60_000, Arrival { secure });
        let names = |cookies: Vec<Cookie<'_>>| -> Vec<String> {
            cookies.iter().map(ToString::to_string).collect()
        };
        assert_eq!(
            names(set(true)),
            [
                "beckon_refresh=; HttpOnly; SameSite=Strict; Secure; Path=/api/v1/logins/refresh; Max-Age=0",
                "__Host-beckon_refresh=new; HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=60",
            ]
        );
        assert_eq!(
            names(set(false)),
            [
                "beckon_refresh=new; HttpOnly; SameSite=Strict; Path=/api/v1/logins/refresh; Max-Age=60"
            ]
        );
    }
}

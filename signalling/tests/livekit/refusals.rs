//! Who does not come in, and what they hear.

use beckon_signalling::rooms::token::{Claims, Grants, mint};
use livekit_protocol::JoinRequest;

use super::stage::{Stage, claims, key, packed};

/// All addresses, with what the newer ones need besides a token.
fn paths(token: &str) -> [String; 4] {
    let join_request = packed(&JoinRequest::default());
    [
        format!("/rtc?access_token={token}"),
        format!("/rtc/v1?access_token={token}&join_request={join_request}"),
        format!("/rtc/validate?access_token={token}"),
        format!("/rtc/v1/validate?access_token={token}&join_request={join_request}"),
    ]
}

#[tokio::test]
async fn a_bad_token_is_refused_on_every_address_in_plain_text() {
    let stage = Stage::new().await;
    let good = claims("alice", "garden");
    let other_room = claims("alice", "cellar");
    let past = Claims { exp: Some(1_700_000_000.into()), ..good.clone() };
    let later = Claims { nbf: Some(4_000_000_000_u32.into()), ..good.clone() };
    let no_join = Grants { room_join: false, ..good.video.clone() };
    let no_room = Grants { room: String::new(), ..good.video.clone() };
    let token = mint(&key(), good.clone());
    let other = mint(&key(), other_room);
    let parts = |token: &str| token.split('.').map(str::to_owned).collect::<Vec<_>>();
    let (head, foreign) = (parts(&token), parts(&other));
    let cases = [
        (String::new(), 401),
        ("nonsense".into(), 401),
        (format!("{}.{}.{}", head[0], foreign[1], head[2]), 401),
        (format!("{}.{}.", head[0], head[1]), 401),
        (mint(&key(), past), 401),
        (mint(&key(), later), 401),
        (mint(&key(), Claims { video: no_join, ..good.clone() }), 403),
        (mint(&key(), Claims { video: no_room, ..good.clone() }), 403),
        (format!("{token}&room=cellar"), 403),
    ];
    for (token, status) in cases {
        for path in paths(&token) {
            let answer = stage.get(&path).await;
            assert_eq!(answer.status, status, "{path}");
            assert!(
                answer.head.contains("text/plain") && !answer.body.is_empty(),
                "{}",
                answer.head
            );
            assert!(answer.head.contains("access-control-allow-origin: *"), "{}", answer.head);
        }
    }
    let [dual, single, ..] = paths("nonsense");
    for path in [dual, single] {
        assert_eq!(stage.try_open(&path).await.err().unwrap().0, 401, "{path}");
    }
}

#[tokio::test]
async fn validating_tells_what_a_join_would_hear() {
    let stage = Stage::small(1).await;
    let [.., old, new] = paths(&stage.token("alice"));
    for path in [&old, &new] {
        let answer = stage.get(path).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "success"), "{path}");
    }
    let (_alice, _) = stage.join("alice").await;
    let [dual, _, old, new] = paths(&stage.token("bob"));
    let (status, text) = stage.try_open(&dual).await.err().unwrap();
    assert_eq!(status, 403, "SDKs show the words of that");
    assert!(text.contains("max participants"), "{text}");
    for path in [old, new] {
        let answer = stage.get(&path).await;
        assert_eq!((answer.status, answer.body.as_str()), (403, text.as_str()), "{path}");
    }
}

#[tokio::test]
async fn a_join_request_must_be_one() {
    let stage = Stage::new().await;
    let token = stage.token("alice");
    for bad in ["", "&join_request=", "&join_request=%25%25", "&join_request=AAAA"] {
        let path = format!("/rtc/v1?access_token={token}{bad}");
        let answer = stage.try_open(&path).await;
        assert!(answer.is_ok() || answer.err().unwrap().0 == 400, "{path}");
    }
    let bare = format!("/rtc/v1?access_token={token}");
    assert_eq!(stage.try_open(&bare).await.err().unwrap().0, 400);
    assert_eq!(stage.get(&format!("/rtc?access_token={token}")).await.status, 400, "no upgrade");
}

#[tokio::test]
async fn whoever_joins_again_and_again_is_slowed_down() {
    let stage = Stage::new().await;
    let path = format!("/rtc?access_token={}", stage.token("alice"));
    let mut refused = None;
    for _ in 0..200 {
        if let Err((status, _)) = stage.try_open(&path).await {
            refused = Some(status);
            break;
        }
    }
    assert_eq!(refused, Some(429));
    stage.join("bob").await;
}

#[tokio::test]
async fn without_a_media_node_there_are_no_rooms() {
    let stage = Stage::build(None, 10).await;
    let [dual, single, old, new] = paths(&stage.token("alice"));
    for path in [dual, single] {
        assert_eq!(stage.try_open(&path).await.err().unwrap().0, 503, "{path}");
    }
    for path in [old, new] {
        assert_eq!(stage.get(&path).await.status, 503, "{path}");
    }
}

#[tokio::test]
async fn a_page_of_any_origin_may_ask() {
    let stage = Stage::new().await;
    let preflight =
        "origin: https://app.example\r\naccess-control-request-headers: authorization\r\n";
    let answer = stage.request("OPTIONS /rtc/v1/validate", preflight).await;
    assert_eq!(answer.status, 204);
    assert!(answer.head.contains("access-control-allow-headers: authorization"), "{}", answer.head);
}

#[tokio::test]
async fn other_addresses_are_not_the_web_client() {
    let stage = Stage::new().await;
    let answer = stage.get("/rtc/v2?access_token=x").await;
    assert_eq!((answer.status, answer.body.as_str()), (404, "not found"));
}

#[tokio::test]
async fn services_that_are_not_here_say_so_in_their_own_form() {
    let stage = Stage::new().await;
    for (line, status, code) in [
        ("POST /twirp/livekit.RoomService/ListRooms", 501, "unimplemented"),
        ("POST /twirp/livekit.Egress/StartEgress", 501, "unimplemented"),
        ("GET /twirp/livekit.RoomService/ListRooms", 501, "unimplemented"),
        ("POST /twirp/livekit.Nonsense/Do", 404, "bad_route"),
        ("POST /twirp", 404, "bad_route"),
        ("POST /twirp/", 404, "bad_route"),
        ("GET /agent?protocol=1", 501, "unimplemented"),
        ("GET /settings/regions", 404, "bad_route"),
    ] {
        let answer = stage.request(line, "").await;
        assert_eq!(answer.status, status, "{line}");
        assert!(answer.head.contains("application/json"), "{line}: {}", answer.head);
        let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert!(body["code"] == code && body["msg"].is_string(), "{line}: {body}");
        assert!(answer.head.contains("access-control-allow-origin: *"), "{}", answer.head);
    }
}

#[tokio::test]
async fn what_a_token_asks_for_and_cannot_have_is_refused_in_words() {
    let stage = Stage::new().await;
    let agents = r#"{"agents": [{"agent_name": "helper"}]}"#;
    let agents =
        Claims { room_config: serde_json::from_str(agents).unwrap(), ..claims("alice", "garden") };
    let robot = Claims { kind: "robot".into(), ..claims("alice", "garden") };
    for (claims, word) in [(agents, "agents"), (robot, "kind")] {
        let [dual, single, validate, _] = paths(&mint(&key(), claims));
        for path in [dual, single] {
            let (status, text) = stage.try_open(&path).await.err().unwrap();
            assert!(status == 403 && text.contains(word), "{text}");
        }
        assert!(stage.get(&validate).await.body.contains(word));
    }
    let own_words = JoinRequest { metadata: "me".into(), ..JoinRequest::default() };
    let path = format!(
        "/rtc/v1?access_token={}&join_request={}",
        stage.token("alice"),
        packed(&own_words)
    );
    let (status, text) = stage.try_open(&path).await.err().unwrap();
    assert!(status == 403 && text.contains("metadata"), "{text}");
}

#[tokio::test]
async fn names_without_control_characters_are_asked_for() {
    let stage = Stage::new().await;
    let named = |name: &str| Claims { name: name.into(), ..claims("alice", "garden") };
    for odd in ["a\0b", "a\nb", "a\rb", "\u{85}", "\u{7f}"] {
        for claims in [claims(odd, "garden"), claims("alice", odd), named(odd)] {
            let path = format!("/rtc/validate?access_token={}", mint(&key(), claims));
            let answer = stage.get(&path).await;
            assert_eq!(answer.status, 403, "{odd:?}");
            assert!(answer.body.contains("control characters"), "{}", answer.body);
        }
    }
    for name in ["通话", "a b", "👩\u{200d}👩", "مرحبا"] {
        let token = mint(&key(), named(name));
        assert_eq!(stage.get(&format!("/rtc/validate?access_token={token}")).await.status, 200);
    }
}

#[tokio::test]
async fn what_is_said_twice_counts_once() {
    let stage = Stage::new().await;
    let token = stage.token("alice");
    let path = format!("access_token={token}&access_token=x&auto_subscribe=1&auto_subscribe=0");
    assert_eq!(stage.get(&format!("/rtc/validate?{path}")).await.status, 200);
    stage.open(&format!("/rtc?{path}")).await.welcome().await;
    let other = stage.get(&format!("/rtc/validate?access_token=x&access_token={token}")).await;
    assert_eq!(other.status, 401);
}

#[tokio::test]
async fn every_address_may_end_with_a_slash_and_answers_every_method_in_words() {
    let stage = Stage::new().await;
    for path in paths(&stage.token("alice")) {
        let slashed = path.replace('?', "/?");
        let (plain, with_slash) = (stage.get(&path).await, stage.get(&slashed).await);
        assert_eq!((plain.status, plain.body), (with_slash.status, with_slash.body), "{slashed}");
        for path in [path, slashed] {
            let answer = stage.request(&format!("POST {path}"), "").await;
            assert_eq!(answer.status, 405, "{path}");
            assert!(answer.body.contains("GET") && answer.head.contains("allow: get"), "{path}");
            assert!(answer.head.contains("access-control-allow-origin: *"), "{}", answer.head);
        }
    }
    stage.open(&format!("/rtc/?access_token={}", stage.token("bob"))).await.welcome().await;
    for path in
        ["/rtc/", "/rtc/v1/", "/rtc/v2/", "/rtc/x/y", "/twirp/livekit.RoomService/ListRooms"]
    {
        let answer = stage.request(&format!("OPTIONS {path}"), "").await;
        assert_eq!(answer.status, 204, "{path}");
        let headers = "access-control-allow-headers: authorization, content-type";
        assert!(answer.head.contains(headers), "{path}: {}", answer.head);
        let answer = stage.get(path).await;
        assert!(answer.status >= 400, "{path}");
        assert!(answer.head.contains("access-control-allow-origin: *"), "{path}: {}", answer.head);
    }
}

//! The OpenAPI document tells the truth: a request that keeps to it is never refused for its shape, at no limit of any
//! field.

use std::collections::BTreeSet;

use axum::http::{Method, StatusCode};
use beckon_signalling::domain::schema::{CURSOR, LINE, NAME, OPTIONAL_LINE, PARAGRAPH, TOKEN};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::stage::{PASSWORD, Stage};

fn document() -> Value {
    serde_json::from_str(&beckon_signalling::openapi()).unwrap()
}

/// Makes values that keep to a schema.
struct Maker<'d> {
    document: &'d Value,
    /// Names are taken once.
    turn: u32,
}

impl Maker<'_> {
    fn resolved<'v>(&'v self, schema: &'v Value) -> &'v Value {
        match schema["$ref"].as_str() {
            Some(reference) => self.document.pointer(reference.trim_start_matches('#')).unwrap(),
            None => schema,
        }
    }

    /// Some values at the limits of a schema.
    fn values(&mut self, schema: &Value) -> Vec<Value> {
        let schema = self.resolved(schema).clone();
        if let Some(words) = schema["enum"].as_array() {
            return words.clone();
        }
        if let Some(choices) = schema["oneOf"].as_array() {
            return choices.iter().flat_map(|choice| self.values(choice)).collect();
        }
        let kinds =
            schema["type"].as_array().cloned().unwrap_or_else(|| vec![schema["type"].clone()]);
        kinds.iter().flat_map(|kind| self.of_kind(kind.as_str().unwrap(), &schema)).collect()
    }

    fn of_kind(&mut self, kind: &str, schema: &Value) -> Vec<Value> {
        match kind {
            "null" => vec![Value::Null],
            "boolean" => vec![json!(true), json!(false)],
            "string" => self.texts(schema).into_iter().map(Value::from).collect(),
            "integer" => {
                let limit = |name: &str, default: i64| schema[name].as_i64().unwrap_or(default);
                vec![json!(limit("minimum", i64::MIN)), json!(limit("maximum", i64::MAX))]
            }
            "array" => {
                let limit = |name: &str| schema[name].as_u64().expect("lists are bounded");
                let mut of = |count: u64| -> Value {
                    (0..count).map(|_| self.values(&schema["items"]).remove(0)).collect()
                };
                vec![of(limit("minItems")), of(limit("maxItems"))]
            }
            "object" => self.objects(schema),
            other => panic!("{other}: teach the maker"),
        }
    }

    /// One with all fields for each value of each field, and one with what is required.
    fn objects(&mut self, schema: &Value) -> Vec<Value> {
        let no_fields = Map::new();
        let fields = schema["properties"].as_object().unwrap_or(&no_fields);
        let required: BTreeSet<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut objects = vec![];
        for (varied, of) in fields {
            for value in self.values(of) {
                let mut object = self.plain(fields, |_| true);
                object.insert(varied.clone(), value);
                objects.push(object.into());
            }
        }
        objects.push(self.plain(fields, |name| required.contains(name)).into());
        objects
    }

    fn plain(
        &mut self,
        fields: &Map<String, Value>,
        which: impl Fn(&str) -> bool,
    ) -> Map<String, Value> {
        let fields = fields.iter().filter(|(name, _)| which(name));
        fields.map(|(name, of)| (name.clone(), self.values(of).remove(0))).collect()
    }

    fn texts(&mut self, schema: &Value) -> Vec<String> {
        self.turn += 1;
        match schema["format"].as_str() {
            Some("uuid") => return vec![Uuid::now_v7().to_string()],
            Some("password") | None => {}
            Some(other) => panic!("{other}: teach the maker"),
        }
        if schema["pattern"] == CURSOR {
            return vec!["17".to_owned(), format!("1700000000000_{}", Uuid::now_v7())];
        }
        let limit =
            |name: &str| schema[name].as_u64().unwrap_or_else(|| panic!("no {name}: {schema}"));
        let (min, max) = (limit("minLength") as usize, limit("maxLength") as usize);
        let letters = match schema["pattern"].as_str() {
            Some(NAME) => "aZ9_.-李ไदமខ\u{93f}עΩ",
            Some(LINE) => "a 李🙂\u{301}½«\u{a0}",
            Some(OPTIONAL_LINE) => " 李🙂\u{301}\u{200b}a",
            Some(PARAGRAPH) => "a\n\t李🙂\u{301} \u{feff}",
            Some(TOKEN) => "0123456789abcdef",
            None => "a\u{7}\u{202e} é\u{301}李🙂\"\\",
            Some(other) => panic!("{other}: teach the maker"),
        };
        let unique =
            if schema["pattern"] == NAME { format!("{:03x}", self.turn) } else { String::new() };
        let of = |count: usize| -> String {
            unique.chars().chain(letters.chars().cycle()).take(count).collect()
        };
        let each = letters
            .chars()
            .filter(|c| min <= 1 && !"\u{301}\u{93f} \n\t\u{a0}\u{feff}\u{200b}".contains(*c));
        [of(max), of(min)].into_iter().chain(each.map(String::from)).collect()
    }
}

#[tokio::test]
async fn what_keeps_to_the_document_is_not_refused_for_its_shape() {
    let document = document();
    let stage = Stage::new().await;
    let mut maker = Maker { document: &document, turn: 0 };
    let mut asked = 0;
    let mut who = stage.registers("somebody").await;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let content = &operation["requestBody"]["content"];
            let schema = &content["application/json"]["schema"];
            if !content.is_null() && schema.is_null() {
                continue; // bytes of a file
            }
            let method: Method = method.to_uppercase().parse().unwrap();
            let bodies = if schema.is_null() {
                vec![None]
            } else {
                maker.values(schema).into_iter().map(Some).collect()
            };
            for body in bodies {
                for query in queries(&mut maker, operation) {
                    // some requests sign out
                    if path.contains("logins") || path.contains("password") {
                        who = stage.registers(&format!("somebody.{asked}")).await;
                    }
                    let path = filled(path) + &query;
                    let mut ask =
                        stage.ask(method.clone(), path.trim_start_matches("/api/v1/")).by(&who);
                    if let Some(body) = &body {
                        ask = ask.json(body);
                    }
                    let answer = ask.await;
                    asked += 1;
                    let refused = answer.json();
                    let shape = ["malformed", "invalid", "wrong_type"]
                        .contains(&refused["code"].as_str().unwrap_or_default());
                    let fine = !shape && answer.status != StatusCode::INTERNAL_SERVER_ERROR;
                    assert!(fine, "{method} {path} {}: {refused}", body.unwrap_or_default());
                }
            }
        }
    }
    assert!(asked > 200, "{asked}");
}

/// Queries with each value of each parameter, and none.
fn queries(maker: &mut Maker<'_>, operation: &Value) -> Vec<String> {
    let mut queries = vec![String::new()];
    let mut all = vec![];
    for parameter in
        operation["parameters"].as_array().into_iter().flatten().filter(|p| p["in"] == "query")
    {
        let name = parameter["name"].as_str().unwrap();
        let values: Vec<Value> = maker
            .values(&parameter["schema"])
            .into_iter()
            .filter(|value| !value.is_null())
            .collect();
        if parameter["required"] == true {
            queries.clear();
        }
        for value in &values {
            queries.push(format!("?{name}={}", encoded(value)));
        }
        all.push(format!("{name}={}", encoded(&values[0])));
    }
    if !all.is_empty() {
        queries.push(format!("?{}", all.join("&")));
    }
    queries
}

fn encoded(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// A path with ids of nothing.
fn filled(path: &str) -> String {
    let parts = path.split('/').map(|part| {
        if part.starts_with('{') { Uuid::now_v7().to_string() } else { part.to_owned() }
    });
    parts.collect::<Vec<_>>().join("/")
}

/// What is beyond a limit of the document is refused by its field.
#[tokio::test]
async fn the_limits_of_the_document_are_those_in_force() {
    let stage = Stage::new().await;
    let alice = stage.registers("alice").await;
    let schemas = &document()["components"]["schemas"];
    for (schema, field, method, path, other) in [
        ("Register", "name", Method::POST, "users", json!({"password": PASSWORD})),
        ("Register", "password", Method::POST, "users", json!({"name": "somebody"})),
        (
            "Register",
            "nickname",
            Method::POST,
            "users",
            json!({"name": "somebody", "password": PASSWORD}),
        ),
        ("UpdateMe", "nickname", Method::PATCH, "me", json!({})),
        ("CreateGroup", "title", Method::POST, "groups", json!({"member_ids": []})),
        (
            "ChangePassword",
            "new_password",
            Method::POST,
            "me/password",
            json!({"old_password": PASSWORD}),
        ),
    ] {
        let of = &schemas[schema]["properties"][field];
        let (min, max) = (of["minLength"].as_u64().unwrap(), of["maxLength"].as_u64().unwrap());
        for length in [min - 1, max + 1] {
            let mut body = other.clone();
            body[field] = json!("x".repeat(length as usize));
            let answer = stage.ask(method.clone(), path).json(&body).by(&alice).await;
            assert_eq!(
                answer.is_refused(400, "invalid")["field"],
                field,
                "{schema}.{field} of {length}"
            );
        }
    }
}

/// The reader of JSON tells lists from arrays taken for objects by the names of their fields.
#[test]
fn every_list_in_a_request_is_a_list_of_ids() {
    let document = document();
    let mut todo: Vec<&Value> = vec![&document["components"]["schemas"]["ClientFrame"]];
    for item in document["paths"].as_object().unwrap().values() {
        todo.extend(item.as_object().unwrap().values().map(|operation| &operation["requestBody"]));
    }
    let mut lists = 0;
    while let Some(value) = todo.pop() {
        if let Some(reference) = value["$ref"].as_str() {
            todo.push(document.pointer(reference.trim_start_matches('#')).unwrap());
        }
        for (name, field) in value["properties"].as_object().into_iter().flatten() {
            if field["type"] == "array" {
                assert!(name.ends_with(beckon_signalling::json::LIST_FIELDS), "{name}");
                lists += 1;
            }
        }
        match value {
            Value::Object(fields) => todo.extend(fields.values()),
            Value::Array(items) => todo.extend(items),
            _ => {}
        }
    }
    assert!(lists >= 3, "{lists}");
}

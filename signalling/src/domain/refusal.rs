//! Why the server says no: one object on every door, with a stable code and a text in two languages.

use std::borrow::Cow;

use serde::Serialize;
use utoipa::ToSchema;

/// What every refusal looks like on the wire.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Error)]
pub struct WireError {
    /// Stable, for programs.
    pub code: &'static str,
    /// For people, in the language the client asked for.
    pub message: &'static str,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// Names this request in the server's log.
    pub request_id: String,
    /// The field that broke its rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub field: Option<Cow<'static, str>>,
    /// What is wrong and where, in English, for whoever writes the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Where something could not be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The way to the field; empty for the whole.
    pub field: String,
    /// What is wrong, with its position where there is one.
    pub detail: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lang {
    #[default]
    En,
    Zh,
}

impl Lang {
    /// The first language of an `Accept-Language` value (or a plain tag) decides.
    pub fn from_tag(tag: &str) -> Lang {
        match tag.trim_start().get(..2) {
            Some(two) if two.eq_ignore_ascii_case("zh") => Lang::Zh,
            _ => Lang::En,
        }
    }
}

macro_rules! codes {
    ($($Code:ident $status:literal $code:literal $en:literal $zh:literal)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $($Code,)* }

        impl Code {
            pub const ALL: &[Code] = &[$(Code::$Code,)*];

            pub fn as_str(self) -> &'static str {
                match self { $(Code::$Code => $code,)* }
            }

            /// The code a word stands for; the inverse of `as_str`.
            pub fn named(word: &str) -> Option<Code> {
                Code::ALL.iter().copied().find(|code| code.as_str() == word)
            }

            /// The HTTP status this code always comes with.
            pub fn status(self) -> u16 {
                match self { $(Code::$Code => $status,)* }
            }

            pub fn text(self, lang: Lang) -> &'static str {
                match (self, lang) {
                    $((Code::$Code, Lang::En) => $en, (Code::$Code, Lang::Zh) => $zh,)*
                }
            }
        }
    };
}

codes! {
    Malformed        400 "malformed"         "This request could not be understood." "无法理解这个请求。"
    Invalid          400 "invalid"           "This value is not allowed here." "这个值不符合要求。"
    NotSupported     400 "not_supported"     "This server does not support that." "服务器不支持此操作。"
    Unauthenticated  401 "unauthenticated"   "Please sign in." "请先登录。"
    WrongCredentials 401 "wrong_credentials" "Name or password is wrong." "用户名或密码不正确。"
    Denied           403 "denied"            "You may not do this." "你没有权限进行此操作。"
    NotMember        403 "not_member"        "You are not in this conversation." "你不在这个会话中。"
    NotContacts      403 "not_contacts"      "You can only do this with one of your contacts." "对方还不是你的联系人。"
    Blocked          403 "blocked"           "You have blocked this person." "你已屏蔽对方。"
    NotOwner         403 "not_owner"         "Only the group's owner can do this." "只有群主可以进行此操作。"
    OriginDenied     403 "origin_denied"     "This page may not use this server." "此页面不能使用本服务器。"
    TooManyUploads   403 "too_many_uploads"  "You have as many unfinished uploads as you may. Finish or cancel one first." "未完成的上传数量已达上限，请先完成或取消其中一个。"
    NotFound         404 "not_found"         "There is nothing here." "找不到对应的内容。"
    MethodNotAllowed 405 "method_not_allowed" "This address does not take this method." "此地址不支持该请求方法。"
    RequestTimeout   408 "request_timeout"   "This request came too slowly. Try again." "请求发送得太慢，请重试。"
    NameTaken        409 "name_taken"        "This name is taken." "这个用户名已被使用。"
    AlreadyContacts  409 "already_contacts"  "You are contacts already." "你们已经是联系人了。"
    AlreadyMember    409 "already_member"    "Already in the group." "已经在群里了。"
    Conflict         409 "conflict"          "Something else changed this at the same time." "内容已被同时修改，请重试。"
    CallOver         409 "call_over"         "This call is over." "通话已结束。"
    CallFull         409 "call_full"         "This call is full." "通话人数已满。"
    CallElsewhere    409 "call_elsewhere"    "This call is on another server of this system. It cannot be joined from here yet." "通话在系统的另一台服务器上，暂时无法从这里加入。"
    InCall           409 "in_call"           "You are in another call." "你正在另一个通话中。"
    OffsetMismatch   409 "offset_mismatch"   "The upload continues somewhere else; ask for its offset." "上传位置不一致，请先查询进度。"
    Gone             410 "gone"              "This is no longer available." "内容已失效。"
    PreconditionFailed 412 "precondition_failed" "A required header is missing or has another version." "缺少必要的请求头或版本不符。"
    TooLarge         413 "too_large"         "This is too large." "内容太大了。"
    QuotaFull        413 "quota_full"        "Your files have used up their space on this server." "你的文件已用完在此服务器上的空间。"
    WrongType        415 "wrong_type"        "This type of content is not accepted here." "不支持这种类型的内容。"
    RangeInvalid     416 "range_invalid"     "This part of the file does not exist." "文件中没有这一段内容。"
    TooLate          409 "too_late"          "It is too late to recall this message." "已超过可撤回的时间。"
    SlowDown         429 "slow_down"         "That was too fast. Try again in a moment." "操作太频繁，请稍后再试。"
    Internal         500 "internal"          "Something went wrong on the server." "服务器出错了。"
    Busy             503 "busy"              "The server is busy. Try again in a moment." "服务器繁忙，请稍后再试。"
    ReadOnly         503 "read_only"         "Right now the server can only be read from; nothing was changed." "服务器目前只能读取，未做任何更改。"
    Unavailable      503 "unavailable"       "The server cannot reach its data right now." "服务器暂时无法访问数据。"
    StorageFull      507 "storage_full"      "The server has no room left to store this." "服务器存储空间已满，这次的内容没有保存。"
}

/// A refusal on its way to a door.
#[derive(Debug, thiserror::Error)]
#[error("{}{}", code.as_str(), field.map(|f| format!(" ({f})")).unwrap_or_default())]
pub struct Refusal {
    pub code: Code,
    pub field: Option<&'static str>,
    pub retry_after_ms: Option<u64>,
    /// What could not be understood.
    pub place: Option<Box<Place>>,
    /// For the log only; never sent.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

pub type Result<T, E = Refusal> = std::result::Result<T, E>;

impl Refusal {
    pub fn invalid(field: &'static str) -> Refusal {
        Refusal { field: Some(field), ..Code::Invalid.into() }
    }

    pub fn slow_down(retry_after_ms: u64) -> Refusal {
        Refusal { retry_after_ms: Some(retry_after_ms), ..Code::SlowDown.into() }
    }

    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Refusal {
        Refusal { source: Some(source.into()), ..Code::Internal.into() }
    }

    pub fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Refusal {
        Refusal { source: Some(source.into()), ..Code::Unavailable.into() }
    }

    pub fn to_wire(&self, lang: Lang, request_id: String) -> WireError {
        let place = self.place.as_ref().filter(|place| !place.field.is_empty());
        let told_field = || place.map(|place| Cow::Owned(place.field.clone()));
        WireError {
            code: self.code.as_str(),
            message: self.code.text(lang),
            retryable: matches!(
                self.code,
                Code::SlowDown
                    | Code::Busy
                    | Code::ReadOnly
                    | Code::Unavailable
                    | Code::Internal
                    | Code::Conflict
                    | Code::RequestTimeout
            ),
            retry_after_ms: self.retry_after_ms,
            request_id,
            field: self.field.map(Cow::Borrowed).or_else(told_field),
            detail: self.place.as_ref().map(|place| place.detail.clone()),
        }
    }
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        Refusal { code, field: None, retry_after_ms: None, place: None, source: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_unique_and_has_both_texts() {
        let mut seen = std::collections::HashSet::new();
        for code in Code::ALL {
            assert!(seen.insert(code.as_str()), "{} twice", code.as_str());
            assert_ne!(code.text(Lang::En), code.text(Lang::Zh));
        }
    }

    #[test]
    fn the_protocol_lists_every_code_beside_its_status_and_no_other() {
        let rows = include_str!("../../PROTOCOL.md").lines().filter_map(|line| {
            let (status, codes) = line.strip_prefix("| ")?.split_once(" | ")?;
            Some((status.parse::<u16>().ok()?, codes))
        });
        let documented: std::collections::BTreeSet<_> = rows
            .flat_map(|(status, codes)| {
                codes.split('`').skip(1).step_by(2).map(move |code| (status, code))
            })
            .filter(|(status, code)| *status < 600 && *code != "field") // beyond are close codes
            .collect();
        let real = Code::ALL.iter().map(|code| (code.status(), code.as_str())).collect();
        assert_eq!(documented, real);
    }

    #[test]
    fn the_first_language_decides() {
        assert_eq!(Lang::from_tag("zh-CN,en;q=0.8"), Lang::Zh);
        assert_eq!(Lang::from_tag("en-GB,zh"), Lang::En);
        assert_eq!(Lang::from_tag(""), Lang::En);
        assert_eq!(Lang::from_tag("ü"), Lang::En);
    }
}

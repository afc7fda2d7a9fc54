//! How the rules of `text` read in the OpenAPI document: the lengths are its constants, counted in code points, and
//! the patterns are ECMA-262's with the flag `u`, as JSON Schema has them.

use utoipa::openapi::schema::{Array, ArrayBuilder, Object, ObjectBuilder, Type};
use utoipa::openapi::{KnownFormat, Ref, SchemaFormat};

use super::text::*;

/// Letters, marks and digits; it begins with no mark. Joiners, variation selectors and what stands between the letters
/// of a word in some script are accepted too.
pub const NAME: &str = r"^(?!.*\p{DI})[\p{L}\p{N}_.\-][\p{L}\p{M}\p{N}_.\-]*$";
/// No controls, no line breaks and nothing that reorders.
pub const OPTIONAL_LINE: &str = r"^[^\p{Cc}\u200E\u200F\u2028-\u202E\u2066-\u2069]*$";
/// The same, with something to see in it.
pub const LINE: &str = r"^(?=.*(?![\p{DI}\u2800])[\p{L}\p{N}\p{P}\p{S}])[^\p{Cc}\u200E\u200F\u2028-\u202E\u2066-\u2069]*$";
/// Several lines, with something to see in them.
pub const PARAGRAPH: &str =
    r"^(?=[\s\S]*(?![\p{DI}\u2800])[\p{L}\p{N}\p{P}\p{S}])(?:[^\p{Cc}]|[\t\n\r])*$";
/// A token: 16 bytes of a login's id and 32 random ones.
pub const TOKEN: &str = "^[0-9a-f]{96}$";

/// A time, and the id of the last item of that time.
pub const CURSOR: &str = "^[0-9]{1,18}(_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})?$";

/// A text of so many characters.
pub fn text(min: usize, max: usize, pattern: Option<&str>) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(min))
        .max_length(Some(max))
        .pattern(pattern)
        .build()
}

pub fn name() -> Object {
    text(*NAME_CHARS.start(), *NAME_CHARS.end(), Some(NAME))
}

/// A name somebody looks for or signs in with; what cannot exist is not found.
pub fn any_name() -> Object {
    text(0, 4 * NAME_CHARS.end(), None)
}

pub fn password() -> Object {
    secret(text(*PASSWORD_CHARS.start(), *PASSWORD_CHARS.end(), None))
}

fn secret(text: Object) -> Object {
    let format = Some(SchemaFormat::KnownFormat(KnownFormat::Password));
    ObjectBuilder::from(text).format(format).build()
}

/// A password to compare with; what cannot exist is wrong.
pub fn any_password() -> Object {
    secret(text(0, PASSWORD_TYPED_CHARS_MAX, None))
}

pub fn token() -> Object {
    text(96, 96, Some(TOKEN))
}

/// Where the next page begins.
pub fn cursor() -> Object {
    text(1, 55, Some(CURSOR))
}

pub fn nickname() -> Object {
    text(1, NICKNAME_CHARS_MAX, Some(LINE))
}

pub fn title() -> Object {
    text(1, TITLE_CHARS_MAX, Some(LINE))
}

pub fn remark() -> Object {
    text(0, REMARK_CHARS_MAX, Some(OPTIONAL_LINE))
}

pub fn request_message() -> Object {
    text(0, REQUEST_MESSAGE_CHARS_MAX, Some(OPTIONAL_LINE))
}

pub fn device_name() -> Object {
    text(0, DEVICE_NAME_CHARS_MAX, Some(OPTIONAL_LINE))
}

pub fn message_text() -> Object {
    text(1, TEXT_CHARS_MAX, Some(PARAGRAPH))
}

/// So many people.
pub fn people(min: usize, max: usize) -> Array {
    let builder = ArrayBuilder::new().items(Ref::from_schema_name("UserId"));
    builder.min_items(Some(min)).max_items(Some(max)).build()
}

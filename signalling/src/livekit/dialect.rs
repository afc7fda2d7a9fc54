//! How LiveKit's clients are spoken to.

use super::{data, notices};
use crate::rooms::Dialect;

pub(crate) static DIALECT: Dialect = Dialect { encode: notices::encode, address: data::address };

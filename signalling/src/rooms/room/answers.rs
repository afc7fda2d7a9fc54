//! What becomes of single requests, as their clients hear it.

use beckon_sfu_api::Fault;

use super::super::denial::Denial;
use super::super::notice::Notice;
use super::super::request::Reference;

/// Tracks that somebody is told at once that it cannot have: its socket's queue has room for several times as many.
pub(super) const REFUSED_MAX: usize = 64;

/// The answer to a request, known by its reference.
pub(super) fn answer(denial: Denial, reference: Reference) -> Notice {
    answer_at(denial, None, reference)
}

/// The same, with the place of what is wrong.
pub(super) fn answer_at(denial: Denial, place: Option<Fault>, reference: Reference) -> Notice {
    let Denial(outcome, message) = denial;
    metrics::counter!("beckon_rtc_refusals_total", "reason" => outcome.as_str()).increment(1);
    let message = match place {
        Some(fault) => format!("{message}: {fault}"),
        None => message.to_owned(),
    };
    Notice::Answered { outcome, message, reference }
}

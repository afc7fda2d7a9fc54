//! Which lines are logged, as tracing's directives say it.

use anyhow::Context as _;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

/// Before what is configured: the DTLS library warns of every extension that it does not know, and browsers offer some.
/// The TLS library warns of every client that names the server by its address.
const QUIET: &str = "rtc_dtls=error,rustls=error";

/// How the paths of our crates' modules begin, and go on.
const OURS: &str = "beckon";
const PARTS: [&str; 6] = ["", "_sfu", "_sfu_api", "_sfu_core", "_signalling", "_turn_server"];

/// Returns why a filter would not do what its author meant.
pub(crate) fn check(filter: &str) -> anyhow::Result<()> {
    read(filter).map(drop)
}

/// The modules in a filter that are none of ours.
pub(crate) fn strangers(filter: &str) -> Vec<&str> {
    let directives = filter.split(',').map(str::trim);
    let targets = directives.filter_map(|directive| directive.split(['=', '[']).next());
    let named = targets.filter(|target| !target.is_empty() && !is_level(target));
    named.filter(|target| !is_ours(target)).collect()
}

/// A filter matches by the beginning of a module's path.
fn is_ours(target: &str) -> bool {
    let (name, is_whole) =
        target.split_once("::").map_or((target, false), |(name, _)| (name, true));
    let Some(part) = name.strip_prefix(OURS) else { return false };
    PARTS.iter().any(|ours| *ours == part || (!is_whole && ours.starts_with(part)))
}

fn is_level(word: &str) -> bool {
    !word.is_empty() && word.parse::<LevelFilter>().is_ok()
}

/// What the subscriber asks of each line.
pub(super) fn read(filter: &str) -> anyhow::Result<EnvFilter> {
    let directives: Vec<&str> = filter.split(',').map(str::trim).collect();
    // A bare word that is no level is the name of a module that is not ours, and would silence everything else.
    for word in &directives {
        if !word.contains(['=', '[']) && !is_level(word) {
            anyhow::bail!(
                "'{}' is no level (error, warn, info, debug, trace, off) and no module=level",
                word.escape_debug()
            );
        }
    }
    let text = directives.join(",");
    EnvFilter::try_new(format!("{QUIET},{text}"))
        .with_context(|| format!("'{}' cannot be read", text.escape_debug()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_would_silence_everything_is_refused() {
        for fine in
            ["info", "warn,beckon_signalling=debug", "OFF", "info, hyper=off", "info,[call]=trace"]
        {
            assert!(check(fine).is_ok(), "{fine}");
        }
        for odd in
            ["lots", "", "info,", "verbose", "beckon_signalling", "info,beckon=loud", "info debug"]
        {
            assert!(check(odd).is_err(), "{odd}");
        }
    }
    #[test]
    fn modules_of_others_are_told_apart() {
        for ours in
            ["info", "info,beckon=debug", "beckon_signalling::calls=trace", "info,[call]=trace"]
        {
            assert_eq!(strangers(ours), [""; 0], "{ours}");
        }
        let told = strangers("info, beckon_signaling=debug,hyper[x]=off");
        assert_eq!(told.join(" "), "beckon_signaling hyper");
        assert_eq!(strangers("beckonsfu::worker=debug"), ["beckonsfu::worker"]);
    }
}

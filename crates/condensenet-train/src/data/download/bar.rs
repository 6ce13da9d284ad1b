//! A bar for people who wait.

use indicatif::{ProgressBar, ProgressStyle};

use super::DownloadProgress;

/// Makes a progress bar on standard error, which is drawn only where that is a terminal, to be handed to
/// [`Download::fetch`](super::Download::fetch).
pub fn progress_bar(name: &str) -> impl FnMut(DownloadProgress) {
    let template = "{prefix} {wide_bar} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left";
    // A template that indicatif can't read would be our mistake; its own style serves as well.
    let style = ProgressStyle::with_template(template);
    let bar = ProgressBar::no_length()
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_prefix(name.to_owned());
    move |progress: DownloadProgress| {
        if let Some(total) = progress.total {
            bar.set_length(total);
        }
        bar.set_position(progress.done);
        if progress.total == Some(progress.done) {
            bar.finish_and_clear();
        }
    }
}

//! Results as a plot: a panel for each of the chief numbers, a bar for each tunnel.

use std::fmt::Write as _;

use crate::measures::{MEASURES, Measure};
use crate::peers::{OURS, PLAIN};
use crate::rounds::Subject;

/// What is drawn, two panels beside each other.
const PANELS: [&str; 10] = [
    "tcp-up-1",
    "tcp-down-1",
    "tcp-up-4",
    "tcp-down-4",
    "udp-64",
    "udp-1400",
    "cpu-gateways-up",
    "cpu-gateways-down",
    "rtt-light-p50",
    "rtt-loaded-p50",
];

/// In pixels: a panel, the names beside its bars, the values behind them, a bar with its gap.
const WIDTH: f64 = 460.0;
const NAMES: f64 = 100.0;
const VALUES: f64 = 90.0;
const BAR: f64 = 20.0;
const TITLE: f64 = 34.0;
const MARGIN: f64 = 16.0;

/// The whole file.
pub(crate) fn svg(subjects: &[Subject]) -> String {
    let measures: Vec<_> = PANELS
        .iter()
        .filter_map(|key| MEASURES.iter().find(|measure| measure.key == *key))
        .collect();
    let height = TITLE + BAR * subjects.len() as f64 + MARGIN;
    let rows = measures.len().div_ceil(2) as f64;
    let (width, total) = (2.0 * WIDTH + 3.0 * MARGIN, rows * height + MARGIN);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {total}\" \
         width=\"{width}\" height=\"{total}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    for (number, measure) in measures.into_iter().enumerate() {
        let left = MARGIN + (number % 2) as f64 * (WIDTH + MARGIN);
        let top = (number / 2) as f64 * height;
        let _infallible = writeln!(text, "<g transform=\"translate({left} {top})\">");
        panel(&mut text, measure, subjects);
        text.push_str("</g>\n");
    }
    text.push_str("</svg>\n");
    text
}

fn panel(text: &mut String, measure: &Measure, subjects: &[Subject]) {
    let _infallible = writeln!(
        text,
        "<text y=\"24\" font-weight=\"bold\" fill=\"#222222\">{}</text>",
        measure.title
    );
    let values = subjects.iter().map(|subject| subject.median(measure.key));
    let most = values.flatten().fold(0.0, f64::max);
    for (number, subject) in subjects.iter().enumerate() {
        let top = TITLE + BAR * number as f64;
        bar(text, measure, subject, top, most);
    }
}

fn bar(text: &mut String, measure: &Measure, subject: &Subject, top: f64, most: f64) {
    let value = subject.median(measure.key);
    let length = value.map_or(0.0, |value| (WIDTH - NAMES - VALUES) * value / most);
    let shown = value.map_or_else(|| "–".to_owned(), |value| measure.unit.show(value));
    let color = match subject.name {
        PLAIN => "#9aa0a6",
        OURS => "#c5221f",
        _ => "#5b8def",
    };
    let (baseline, names, behind) = (top + 12.0, NAMES - 6.0, NAMES + length + 6.0);
    let _infallible = writeln!(
        text,
        "<text x=\"{names}\" y=\"{baseline}\" text-anchor=\"end\" fill=\"#222222\">{}</text>\
         <rect x=\"{NAMES}\" y=\"{top}\" width=\"{length:.1}\" height=\"16\" fill=\"{color}\"/>\
         <text x=\"{behind:.1}\" y=\"{baseline}\" fill=\"#222222\">{shown}</text>",
        subject.name
    );
}

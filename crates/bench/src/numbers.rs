/// A number with thousands separated: 0.01, 1, 10,000.
pub(crate) fn grouped(value: f64) -> String {
    if value < 1.0 {
        // A tick of a logarithmic axis is a power of ten, give or take the last bit.
        let digits = (-value.log10() - 1e-9).ceil().max(0.0) as usize;
        return fixed(value, digits);
    }
    let digits = fixed(value, 0);
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with this many digits after the point.
pub(crate) fn fixed(value: f64, digits: usize) -> String {
    format!("{value:.digits$}")
}

/// A number rounded to two digits after the point, without them where they are zero.
pub(crate) fn short(value: f64) -> String {
    let text = fixed(value, 2);
    text.strip_suffix(".00").unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (value, text) in [
            (0.01, "0.01"),
            (0.01 - f64::EPSILON, "0.01"),
            (0.1, "0.1"),
            (1.0, "1"),
            (1e4, "10,000"),
            (1e6, "1,000,000"),
        ] {
            assert_eq!(grouped(value), text);
        }
        assert_eq!([2.0, 1.234, 1.999_999].map(short), ["2", "1.23", "2"]);
    }
}

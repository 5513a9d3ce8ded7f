/// A number as it is read: 0.01, 1, 10,000.
pub(crate) fn grouped(value: f64) -> String {
    if value < 1.0 {
        let digits = (-value.log10()).ceil().max(0.0) as usize;
        return format!("{value:.digits$}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (value, text) in [
            (0.01, "0.01"),
            (0.1, "0.1"),
            (1.0, "1"),
            (1e4, "10,000"),
            (1e6, "1,000,000"),
        ] {
            assert_eq!(grouped(value), text);
        }
    }
}

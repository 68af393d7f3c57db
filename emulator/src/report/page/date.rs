//! Dates out of seconds since 1970, in UTC.

/// As HTML's `datetime` attribute has it: `2026-11-20T23:08:00Z`.
pub(super) fn iso(time: u64) -> String {
    let (year, month, day) = civil(time / 86_400);
    let second = time % 86_400;
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

/// As people read it: `20 November 2026, 23:08 UTC`.
pub(super) fn readable(time: u64) -> String {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let (year, month, day) = civil(time / 86_400);
    let minute = time / 60 % 1440;
    format!("{day} {} {year}, {:02}:{:02} UTC", MONTHS[month as usize - 1], minute / 60, minute % 60)
}

/// The day, month and year of a day counted from 1 January 1970.
fn civil(mut days: u64) -> (u64, u64, u64) {
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests {
    use super::{iso, readable};

    #[test]
    fn dates() {
        assert_eq!(iso(0), "1970-01-01T00:00:00Z");
        assert_eq!(iso(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(iso(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(iso(4_107_542_400), "2100-03-01T00:00:00Z");
        assert_eq!(readable(1_795_216_100), "20 November 2026, 23:08 UTC");
    }
}

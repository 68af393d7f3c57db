//! Sequence numbers: RFC 9293, 3.4. They run in a circle; which of two comes first is a matter of the shorter way.

/// Whether `one` comes before `other`.
pub(super) fn before(one: u32, other: u32) -> bool {
    (one.wrapping_sub(other) as i32) < 0
}

/// Whether `one` comes after `other`.
pub(super) fn after(one: u32, other: u32) -> bool {
    before(other, one)
}

/// The later of two.
pub(super) fn later(one: u32, other: u32) -> u32 {
    if before(one, other) { other } else { one }
}

/// How far `to` is after `from`; 0 if it is not.
pub(super) fn distance(from: u32, to: u32) -> u32 {
    if after(to, from) { to.wrapping_sub(from) } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_run_in_a_circle() {
        assert!(before(u32::MAX, 0) && after(5, u32::MAX - 5) && !before(7, 7) && !after(7, 7));
        assert_eq!((later(u32::MAX, 3), later(9, 3)), (3, 9));
        assert_eq!((distance(u32::MAX, 3), distance(3, u32::MAX)), (4, 0));
    }
}

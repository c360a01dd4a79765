//! Where circuits lie in a store.

/// The most partitions that a store has.
pub const MOST_PARTITIONS: u16 = 16;

/// Returns the partition of `circuit` among `partitions`, counted from 0.
///
/// All processes of a fleet have to agree on it, whatever their version: it is the 64-bit hash
/// [FNV-1a](http://www.isthe.com/chongo/tech/comp/fnv/) of the name, modulo the number of partitions.
pub fn partition(circuit: &str, partitions: u16) -> u16 {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(PRIME);
    let hash = circuit.bytes().fold(BASIS, mix);
    u16::try_from(hash % u64::from(partitions.max(1))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_which_is_published() {
        // From the test vectors of its authors: the hash of "foobar" is 0x85944171f73967e8.
        assert_eq!(partition("foobar", u16::MAX), (0x8594_4171_f739_67e8_u64 % 65_535) as u16);
        assert_eq!(partition("", 16), (0xcbf2_9ce4_8422_2325_u64 % 16) as u16);
    }

    #[test]
    fn names_lie_in_all_partitions() {
        let mut circuits = [0; 16];
        for number in 0..1600 {
            circuits[usize::from(partition(&format!("upstream-{number}"), 16))] += 1;
        }
        assert!(circuits.iter().all(|&number| (60..140).contains(&number)), "{circuits:?}");
        assert_eq!(partition("any", 1), 0);
    }
}

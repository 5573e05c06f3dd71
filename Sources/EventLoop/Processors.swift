internal import CLinux
internal import Glibc

/// How much of the machine this process may use.
package enum Processors {
    /// How many threads can run at the same time: processors of the affinity mask, and no more than the quotas of the control
    /// groups, of version 2 or 1, allow. At least 1.
    package static var available: Int {
        var count = max(1, Int(dues_processors()))
        for limit in quotas { count = min(count, max(1, Int(limit.rounded(.up)))) }
        return count
    }

    /// Processors' worth of time, as the groups that this process is in limit it (cgroups(7), `cpu.max` and `cpu.cfs_quota_us`).
    private static var quotas: [Double] {
        let groups = lines(of: "/proc/self/cgroup").map {
            $0.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        }
        var quotas: [Double] = []
        for group in groups where group.count == 3 {
            let controllers = group[1].split(separator: ",")
            guard controllers.isEmpty || controllers.contains("cpu") else { continue }
            // A group is limited by those above it too. Within a container the path may be the host's: then only the root is there.
            var path = group[2].split(separator: "/")[...]
            while true {
                let place = path.reduce("") { $0 + "/" + $1 }
                quotas += controllers.isEmpty ? quota("/sys/fs/cgroup\(place)") : oldQuota("/sys/fs/cgroup/cpu\(place)")
                if path.popLast() == nil { break }
            }
        }
        return quotas
    }

    private static func quota(_ group: String) -> [Double] {
        let words = lines(of: group + "/cpu.max").first?.split(separator: " ") ?? []
        return ratio(words.first, words.last)
    }

    private static func oldQuota(_ group: String) -> [Double] {
        ratio(lines(of: group + "/cpu.cfs_quota_us").first, lines(of: group + "/cpu.cfs_period_us").first)
    }

    /// Nothing where there is no limit, which is written `max` or -1.
    private static func ratio(_ quota: Substring?, _ period: Substring?) -> [Double] {
        guard let quota = quota.flatMap({ Double($0) }), let period = period.flatMap({ Double($0) }), quota > 0, period > 0
        else { return [] }
        return [quota / period]
    }

    /// The lines of a small file; none where there is no such file.
    private static func lines(of path: String) -> [Substring] {
        guard let file = fopen(path, "re") else { return [] }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n")
    }
}

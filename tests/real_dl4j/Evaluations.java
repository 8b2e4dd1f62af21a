// SPDX-License-Identifier: Apache-2.0
// Reads each NAME.json of the folder that is the only argument as what its @class says, and writes NAME.again.json, the same once more, and
// NAME.stats.txt.
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import org.nd4j.evaluation.IEvaluation;

public class Evaluations {
    public static void main(String[] arguments) throws Exception {
        for (File file : new File(arguments[0]).listFiles()) {
            if (!file.getName().endsWith(".json") || file.getName().endsWith(".again.json"))
                continue;
            String json = new String(Files.readAllBytes(file.toPath()), StandardCharsets.UTF_8);
            String name = json.replaceAll("(?s)^\\{\\s*\"@class\" : \"([A-Za-z0-9.]+)\".*", "$1");
            IEvaluation read = (IEvaluation) Class.forName(name).getMethod("fromJson", String.class).invoke(null, json);
            String stem = file.getPath().replaceAll("json$", "");
            Files.write(new File(stem + "again.json").toPath(), read.toJson().getBytes(StandardCharsets.UTF_8));
            Files.write(new File(stem + "stats.txt").toPath(), read.stats().getBytes(StandardCharsets.UTF_8));
        }
    }
}

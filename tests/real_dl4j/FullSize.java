// SPDX-License-Identifier: Apache-2.0
// Deeplearning4j's half of full_size.py. Prints what each took, a line for each: WHAT SECONDS RESIDENT, in MiB, the highest while it was at
// work.
//
//     FullSize train ZIP X Y STEPS ZIP2 BEFORE AFTER   loaded, output, STEPS steps, saved, output
//     FullSize make JSON X Y ZIP OUT                   of a configuration, one step, output, saved; digests
//     FullSize digest ZIP                              loaded; digests
import java.io.File;
import java.io.FileWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.CRC32;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.util.ModelSerializer;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;

public class FullSize {
    static long started;

    static void begin() throws Exception {
        System.gc();
        try (FileWriter w = new FileWriter("/proc/self/clear_refs")) {
            w.write("5");
        }
        started = System.nanoTime();
    }

    static void end(String what) throws Exception {
        double seconds = (System.nanoTime() - started) / 1e9;
        for (String line : Files.readAllLines(Path.of("/proc/self/status")))
            if (line.startsWith("VmHWM:"))
                System.out.printf(java.util.Locale.ROOT, "%s %.1f %d%n", what, seconds,
                                  Long.parseLong(line.replaceAll("[^0-9]", "")) / 1024);
        System.out.flush();
    }

    static ComputationGraph load(String zip) throws Exception {
        begin();
        ComputationGraph g = ModelSerializer.restoreComputationGraph(new File(zip), true);
        end("load");
        return g;
    }

    static void save(ComputationGraph g, String zip) throws Exception {
        begin();
        ModelSerializer.writeModel(g, new File(zip), true);
        end("save");
    }

    static void output(ComputationGraph g, INDArray x, String path) throws Exception {
        begin();
        INDArray y = g.output(x.dup())[0];
        end("output");
        RoundTrip.write(Path.of(path), y);
    }

    static void train(ComputationGraph g, INDArray x, INDArray y, int steps) throws Exception {
        begin();
        for (int i = 0; i < steps; i++)
            g.fit(new DataSet(x.dup(), y.dup()));
        end("train");
    }

    static String digest(INDArray a) {
        CRC32 crc = new CRC32();
        byte[] piece = new byte[1 << 16];
        long n = a.length();
        int k = 0;
        for (long i = 0; i < n; i++) {
            int bits = Float.floatToRawIntBits(a.data().getFloat(a.offset() + i));
            piece[k++] = (byte) bits;
            piece[k++] = (byte) (bits >> 8);
            piece[k++] = (byte) (bits >> 16);
            piece[k++] = (byte) (bits >> 24);
            if (k == piece.length || i == n - 1) {
                crc.update(piece, 0, k);
                k = 0;
            }
        }
        return n + ":" + Long.toHexString(crc.getValue());
    }

    static void digests(ComputationGraph g) {
        System.out.println("digest " + digest(g.params()) + " " + digest(g.getUpdater().getStateViewArray()) + " "
                           + g.getConfiguration().getIterationCount() + " " + g.getConfiguration().getEpochCount());
    }

    public static void main(String[] a) throws Exception {
        if (a[0].equals("train")) {
            INDArray x = RoundTrip.read(Path.of(a[2])), y = RoundTrip.read(Path.of(a[3]));
            ComputationGraph g = load(a[1]);
            output(g, x, a[6]);
            train(g, x, y, Integer.parseInt(a[4]));
            output(g, x, a[7]);
            save(g, a[5]);
        } else if (a[0].equals("make")) {
            INDArray x = RoundTrip.read(Path.of(a[2])), y = RoundTrip.read(Path.of(a[3]));
            begin();
            ComputationGraph g = new ComputationGraph(ComputationGraphConfiguration.fromJson(Files.readString(Path.of(a[1]))));
            g.init();
            end("draw");
            train(g, x, y, 1);
            output(g, x, a[5]);
            save(g, a[4]);
            digests(g);
        } else {
            digests(load(a[1]));
        }
    }
}

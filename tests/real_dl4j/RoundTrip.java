// SPDX-License-Identifier: Apache-2.0
// Loads models that libdl4c wrote into Deeplearning4j, beside those they were made of: both must compute and train alike. Each line of the
// list that is the only argument names the original, ours, a folder with input.npy and perhaps labels.npy, and a folder for the results:
// after.zip, trained five steps from ours, and after.npy, what it computes.
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.FileOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.graph.ComputationGraph;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.util.ModelSerializer;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;

public class RoundTrip {
    static INDArray read(Path path) throws Exception {
        byte[] bytes = Files.readAllBytes(path);
        int header = (bytes[8] & 255) + 256 * (bytes[9] & 255);
        String text = new String(bytes, 10, header, StandardCharsets.US_ASCII);
        String dims = text.substring(text.indexOf("'shape': (") + 10);
        String[] words = dims.substring(0, dims.indexOf(')')).replaceAll(" ", "").replaceAll(",$", "").split(",");
        long[] shape = new long[words.length];
        long count = 1;
        for (int i = 0; i < words.length; i++)
            count *= shape[i] = Long.parseLong(words[i]);
        float[] values = new float[(int) count];
        ByteBuffer.wrap(bytes, 10 + header, 4 * values.length).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
        return Nd4j.create(values, shape, 'c');
    }

    static void write(Path path, INDArray a) throws Exception {
        StringBuilder shape = new StringBuilder();
        for (long d : a.shape())
            shape.append(d).append(", ");
        StringBuilder head = new StringBuilder("{'descr': '<f4', 'fortran_order': False, 'shape': (" + shape + "), }");
        while ((10 + head.length() + 1) % 64 != 0)
            head.append(' ');
        head.append('\n');
        float[] values = a.dup('c').data().asFloat();
        ByteBuffer out = ByteBuffer.allocate(10 + head.length() + 4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        out.put(new byte[] { (byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0 }).putShort((short) head.length());
        out.put(head.toString().getBytes(StandardCharsets.US_ASCII));
        for (float v : values)
            out.putFloat(v);
        Files.write(path, out.array());
    }

    static boolean isGraph(File zip) throws Exception {
        try (ZipInputStream in = new ZipInputStream(Files.newInputStream(zip.toPath()))) {
            for (ZipEntry e; (e = in.getNextEntry()) != null;)
                if (e.getName().equals("configuration.json")) {
                    ByteArrayOutputStream out = new ByteArrayOutputStream();
                    in.transferTo(out);
                    return out.toString("UTF-8").contains("\"networkInputs\"");
                }
        }
        throw new Exception(zip + " has no configuration.json");
    }

    static Model load(File zip) throws Exception {
        return isGraph(zip) ? ModelSerializer.restoreComputationGraph(zip, true) : ModelSerializer.restoreMultiLayerNetwork(zip, true);
    }

    static INDArray output(Model m, INDArray x) {
        return m instanceof ComputationGraph ? ((ComputationGraph) m).output(x)[0] : ((MultiLayerNetwork) m).output(x);
    }

    static void fit(Model m, DataSet d) {
        Nd4j.getRandom().setSeed(7);
        for (int i = 0; i < 5; i++)
            if (m instanceof ComputationGraph)
                ((ComputationGraph) m).fit(d);
            else
                ((MultiLayerNetwork) m).fit(d);
    }

    static double distance(INDArray a, INDArray b) {
        double most = b.amaxNumber().doubleValue();
        return a.sub(b).amaxNumber().doubleValue() / (most > 0 ? most : 1);
    }

    static String one(String[] f) throws Exception {
        Model theirs;
        try {
            theirs = load(new File(f[0]));
        } catch (RuntimeException e) {
            return "not loaded there either";
        }
        Model ours = load(new File(f[1]));
        INDArray x = read(Path.of(f[2], "input.npy"));
        if (ours.params() != null && !ours.params().equalsWithEps(theirs.params(), 0))
            return "other parameters than the original";
        double before = distance(output(ours, x.dup()), output(theirs, x.dup()));
        double after = 0;
        if (Files.exists(Path.of(f[2], "labels.npy"))) {
            INDArray y = read(Path.of(f[2], "labels.npy"));
            fit(theirs, new DataSet(x.dup(), y.dup()));
            fit(ours, new DataSet(x.dup(), y.dup()));
            after = distance(ours.params(), theirs.params());
        }
        write(Path.of(f[3], "after.npy"), output(ours, x.dup()));
        ModelSerializer.writeModel(ours, new File(f[3], "after.zip"), true);
        // A list of l1, l2 and weight decay comes back in another order, summed: rounding of the last bits.
        return before == 0 && after <= 1e-6 ? "ok" : "output differs by " + before + ", parameters after training by " + after;
    }

    public static void main(String[] args) throws Exception {
        for (String line : Files.readAllLines(Path.of(args[0]))) {
            String result;
            try {
                result = one(line.split("\t"));
            } catch (Throwable t) {
                result = t.toString().split("\n")[0];
            }
            System.out.println("RESULT\t" + line.split("\t")[1] + "\t" + result);
        }
    }
}
